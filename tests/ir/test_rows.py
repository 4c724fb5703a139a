"""Runs of row-blocks, and the rows of operands they need."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitaccel.ir.rows import Rows, Window, ceil_div, runs, token_groups, valid_tokens


def test_ceil_div() -> None:
    assert [ceil_div(a, 4) for a in (0, 1, 4, 5)] == [0, 1, 1, 2]


@given(st.integers(1, 5), st.integers(1, 12), st.integers(1, 70), st.booleans())
def test_runs_cover_every_row_block_once(frames: int, blocks: int, pieces: int, by_frame: bool) -> None:
    found = runs(frames, blocks, pieces, by_frame=by_frame)
    assert [b for first, count in found for b in range(first, first + count)] == list(range(frames * blocks))
    assert len({count for _, count in found}) <= 2 or by_frame
    if by_frame:
        assert all(first // blocks == (first + count - 1) // blocks for first, count in found)
    else:
        assert len(found) <= pieces


@given(st.integers(1, 5), st.integers(1, 12), st.integers(1, 70))
def test_groups_are_whole_frames_or_parts_of_one(frames: int, blocks: int, pieces: int) -> None:
    found = token_groups(frames, blocks, pieces)
    assert [b for first, count in found for b in range(first, first + count)] == list(range(frames * blocks))
    for first, count in found:
        whole = first % blocks == 0 and count % blocks == 0
        assert whole or first // blocks == (first + count - 1) // blocks
    assert len(found) <= max(pieces, frames * ceil_div(blocks, ceil_div(frames * blocks, min(pieces, frames * blocks))))
    assert max(count for _, count in found) <= max(blocks, ceil_div(frames, pieces) * blocks)
    assert len(token_groups(frames, blocks, 1)) == 1
    assert len(token_groups(frames, blocks, frames * blocks)) == frames * blocks


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 4), st.data())
def test_valid_tokens_counts_tokens(tokens: int, side: int, frames: int, data: st.DataObject) -> None:
    blocks = frames * ceil_div(tokens, side)
    first = data.draw(st.integers(0, blocks - 1))
    count = data.draw(st.integers(1, blocks - first))
    assert valid_tokens(tokens, side, first, count) == sum(len(t) for t in lanes(tokens, side, frames)[first:][:count])


def lanes(tokens: int, side: int, frames: int) -> list[list[tuple[int, int]]]:
    """(frame, token) of every lane in use, row-block by row-block."""
    return [
        [(frame, token) for token in range(start, min(start + side, tokens))]
        for frame in range(frames)
        for start in range(0, tokens, side)
    ]


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, int, int, int, int]:
    """A convolution, as a window and as (height, kernel, stride, padding) to count with."""
    height, width, kernel = draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.integers(1, 4))
    stride, padding = draw(st.integers(1, 3)), draw(st.integers(0, kernel - 1))
    out_height = (height + 2 * padding - kernel) // stride + 1
    out_width = draw(st.integers(1, 9))
    if out_height < 1:
        height, padding = kernel, 0
        out_height = 1
    window = Window(height=height, width=width, out_width=out_width, size=kernel, before=padding, numerator=stride)
    return window, out_height, kernel, stride, padding


@given(windows(), st.data())
def test_a_window_spans_every_pixel_its_outputs_see(
    case: tuple[Window, int, int, int, int], data: st.DataObject
) -> None:
    window, out_height, kernel, stride, padding = case
    tokens = out_height * window.out_width
    first = data.draw(st.integers(0, tokens - 1))
    count = data.draw(st.integers(1, tokens - first))
    seen = {
        y * stride - padding + tap
        for y in {token // window.out_width for token in range(first, first + count)}
        for tap in range(kernel)
    }
    seen = {row for row in seen if 0 <= row < window.height}
    start, many = window.span(first, count)
    assert start >= 0
    assert start + many <= window.height * window.width
    covered = set(range(start // window.width, (start + many) // window.width))
    assert seen <= covered
    if seen:
        assert covered == set(range(min(seen), max(seen) + 1))


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 8), st.integers(1, 3), st.booleans(), st.data())
def test_a_slice_needs_the_row_blocks_that_hold_its_tokens(
    start: int, tokens: int, side: int, frames: int, shared: bool, data: st.DataObject
) -> None:
    own = start + tokens + data.draw(st.integers(0, 9))
    window = Window(height=own, width=1, out_width=1, before=-start)
    rows = Rows(tokens=tokens, frames=1 if shared else frames, own_tokens=own, side=side, window=window)
    blocks = ceil_div(tokens, side)
    frame = data.draw(st.integers(0, frames - 1))
    first = data.draw(st.integers(0, blocks - 1))
    count = data.draw(st.integers(1, blocks - first))
    wanted = range(first * side + start, min((first + count) * side, tokens) + start)
    origin = 0 if shared else frame * ceil_div(own, side)
    assert expand(rows.needed(frame * blocks + first, count)) == {origin + token // side for token in wanted}


@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 4), st.data())
def test_aligned_rows_are_the_rows_themselves(tokens: int, side: int, frames: int, data: st.DataObject) -> None:
    rows = Rows(tokens=tokens, frames=frames, own_tokens=tokens, side=side)
    blocks = frames * ceil_div(tokens, side)
    first = data.draw(st.integers(0, blocks - 1))
    count = data.draw(st.integers(1, blocks - first))
    assert rows.aligned
    if frames > 1:
        assert rows.needed(first, count) == (first, count)
    shared = Rows(tokens=tokens, frames=1, own_tokens=tokens, side=side)
    wanted = {block % ceil_div(tokens, side) for block in range(first, first + count)}
    assert wanted <= expand(shared.needed(first, count))


def test_the_first_token_of_every_frame_is_in_its_first_row_block() -> None:
    rows = Rows(tokens=1, frames=3, own_tokens=20, side=8)
    assert [rows.needed(frame, 1) for frame in range(3)] == [(0, 1), (3, 1), (6, 1)]
    assert rows.needed(0, 3) == (0, 7)
    assert not rows.aligned


def test_one_token_for_all_is_always_needed() -> None:
    rows = Rows(tokens=20, frames=2, own_tokens=1, side=8)
    assert [rows.needed(block, 1) for block in range(6)] == [(0, 1)] * 3 + [(1, 1)] * 3


def expand(run: tuple[int, int]) -> set[int]:
    return set(range(run[0], run[0] + run[1]))


@pytest.mark.parametrize("wrong", [{"height": 0}, {"size": 0}, {"numerator": 0}, {"denominator": 0}])
def test_a_window_must_have_rows(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a window must have"):
        Window(**{"height": 1, "width": 1, "out_width": 1, **wrong})

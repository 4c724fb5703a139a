"""What fields have in common: where runs begin, and how much longer one waits than the next."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.backends.interpreter.networks import machine_of
from vitaccel.backends.rtl.assemble_site import Site, plane, residues, split, spread
from vitaccel.errors import UnsupportedError

SITE = Site("instruction 3 (matmul of x)", machine_of("5x5"))
places = st.frozensets(st.integers(0, 7), max_size=8)


@given(st.integers(0, 100), st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=3))
def test_residues_are_those_of_all_places(first: int, moves: list[tuple[int, int]]) -> None:
    ways = product(*(range(count) for _, count in moves))
    found = {(first + sum(step * n for (step, _), n in zip(moves, way, strict=True))) % 8 for way in ways}
    assert residues(first, *moves) == found


@given(places, places)
def test_a_spread_is_the_largest_difference_of_waits_of_any_client(
    before: frozenset[int], after: frozenset[int]
) -> None:
    waits = [((one - client) % 8, (other - client) % 8) for one, other in product(before, after) for client in range(8)]
    assert spread(before, after) == max((one - other for one, other in waits), default=0)


def test_what_begins_in_one_bank_has_no_spread() -> None:
    assert spread(frozenset({3}), frozenset({3})) == 0
    assert spread(frozenset({0, 4}), frozenset({0, 4})) == 4
    assert spread(frozenset({0}), frozenset({4})) == 4
    assert spread(frozenset({0, 1}), frozenset({0, 1})) == 7


@pytest.mark.parametrize(("tokens", "blocks", "rows"), [(5, 1, 5), (1, 1, 1), (11, 3, 1), (15, 3, 5)])
def test_rows_of_the_last_row_block(tokens: int, blocks: int, rows: int) -> None:
    assert SITE.last_rows(tokens, blocks) == rows
    assert split(tokens, 5) == (blocks, rows)


@pytest.mark.parametrize("tokens", [10, 16])
def test_row_blocks_of_several_frames_are_refused(tokens: int) -> None:
    with pytest.raises(UnsupportedError, match=rf"must have 3 row-blocks of one frame, not {tokens} tokens in them"):
        SITE.last_rows(tokens, 3)


def test_planes_are_half_a_step() -> None:
    assert plane(48, 2) == 24
    assert plane(48, 1) == 0

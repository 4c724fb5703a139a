"""A layout must name the same elements as NumPy does on an array of addresses."""

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitaccel.frontend.recognize.layout import Layout, merge


@st.composite
def chains(draw: st.DrawFn) -> tuple[tuple[int, ...], list[tuple[str, tuple[int, ...]]]]:
    shape = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4)))
    base, steps = shape, []
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(["transpose", "reshape", "slice", "broadcast"]))
        if kind == "transpose":
            step = tuple(draw(st.permutations(range(len(shape)))))
            shape = tuple(shape[axis] for axis in step)
        elif kind == "reshape":
            step = _factorized(draw, prod(shape))
            shape = step
        elif kind == "slice":
            axis = draw(st.integers(0, len(shape) - 1))
            start = draw(st.integers(0, shape[axis] - 1))
            stop = draw(st.integers(start + 1, shape[axis]))
            step = (axis, start, stop)
            shape = (*shape[:axis], stop - start, *shape[axis + 1 :])
        else:
            step = (*draw(st.lists(st.sampled_from([1, 2]), max_size=1)), *(3 if size == 1 else size for size in shape))
            if prod(step) > 4000 or len(step) > 6:
                continue
            shape = step
        steps.append((kind, step))
    return base, steps


def _factorized(draw: st.DrawFn, size: int) -> tuple[int, ...]:
    shape: list[int] = []
    while size > 1:
        divisor = draw(st.sampled_from([d for d in range(2, size + 1) if size % d == 0]))
        shape.append(divisor)
        size //= divisor
    where = draw(st.integers(0, len(shape)))
    return (*shape[:where], 1, *shape[where:])


def _numpy(array: np.ndarray, kind: str, step: tuple[int, ...]) -> np.ndarray:
    if kind == "transpose":
        return array.transpose(step)
    if kind == "reshape":
        return array.reshape(step)
    if kind == "broadcast":
        return np.broadcast_to(array, step)
    axis, start, stop = step
    return array.take(np.arange(start, stop), axis=axis)


def _layout(layout: Layout, kind: str, step: tuple[int, ...]) -> Layout | None:
    return layout.slice(*step) if kind == "slice" else getattr(layout, kind)(step)


@given(chains())
def test_a_chain_names_the_elements_that_numpy_names(chain: tuple) -> None:
    shape, steps = chain
    array, layout = np.arange(prod(shape)).reshape(shape), Layout.contiguous(shape)
    for kind, step in steps:
        result = _layout(layout, kind, step)
        if result is None:
            assert kind in ("reshape", "slice")
            return
        array, layout = _numpy(array, kind, step), result
        assert layout.shape == array.shape
        assert np.array_equal(layout.indices(), array)


@given(chains(), chains())
def test_equal_factors_mean_equal_elements(one: tuple, other: tuple) -> None:
    layouts = []
    for shape, steps in (one, other):
        layout: Layout | None = Layout.contiguous(shape)
        for kind, step in steps:
            layout = _layout(layout, kind, step) if layout else None
        if layout is None:
            return
        layouts.append(layout)
    same = np.array_equal(layouts[0].indices().ravel(), layouts[1].indices().ravel())
    assert layouts[0].same_elements(layouts[1]) == same


QKV = [
    [("reshape", (2, 5, 3, 4, 6)), ("transpose", (2, 0, 3, 1, 4)), ("slice", (0, 1, 2)), ("reshape", (2, 4, 5, 6))],
    [("slice", (2, 24, 48)), ("reshape", (2, 5, 4, 6)), ("transpose", (0, 2, 1, 3))],
    [("transpose", (1, 0, 2)), ("slice", (2, 24, 48)), ("reshape", (5, 8, 6)), ("transpose", (1, 0, 2)),
     ("reshape", (2, 4, 5, 6))],
]  # fmt: skip


@pytest.mark.parametrize("steps", QKV)
def test_every_spelling_of_the_keys_of_a_fused_projection_is_one_layout(steps: list) -> None:
    layout: Layout | None = Layout.contiguous((2, 5, 72))
    for kind, step in steps:
        assert layout is not None
        layout = _layout(layout, kind, step)
    assert layout == Layout(24, (((2, 360),), ((4, 6),), ((5, 72),), ((6, 1),)))


def test_a_reshape_that_cuts_across_a_transpose_is_refused() -> None:
    assert Layout.contiguous((2, 3)).transpose((1, 0)).reshape((2, 3)) is None


@pytest.mark.parametrize(("start", "stop"), [(0, 2), (2, 6), (4, 6), (2, 4), (3, 4), (4, 5)])
def test_a_slice_of_merged_axes(start: int, stop: int) -> None:
    layout = Layout.contiguous((2, 3)).transpose((1, 0)).reshape((6,))
    assert layout is not None
    part = layout.slice(0, start, stop)
    assert part is not None
    assert np.array_equal(part.indices(), np.arange(6).reshape(2, 3).T.reshape(6)[start:stop])


def test_a_slice_that_cuts_across_merged_axes_is_refused() -> None:
    layout = Layout.contiguous((2, 3)).transpose((1, 0)).reshape((6,))
    assert layout is not None
    assert layout.slice(0, 1, 3) is None


def test_the_whole_base_is_contiguous_and_a_part_is_not() -> None:
    layout = Layout.contiguous((4, 6))
    assert layout.is_contiguous(24)
    part = layout.slice(0, 0, 2)
    assert part is not None
    assert not part.is_contiguous(24)
    assert not layout.transpose((1, 0)).is_contiguous(24)
    assert Layout.contiguous((1, 1)).is_contiguous(1)


def test_merging_joins_neighbours_only_when_they_are_one_run() -> None:
    assert merge([(2, 12), (3, 4), (4, 1)]) == ((24, 1),)
    assert merge([(2, 12), (1, 7), (3, 2)]) == ((2, 12), (3, 2))

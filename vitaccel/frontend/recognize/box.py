"""Boxes: a view as slices of its base, then the same elements in another order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod

from vitaccel.frontend.recognize.layout import Factor, Layout


@dataclass(frozen=True)
class Box:
    """A view as a box cut from its base, then the box's elements in another order.

    Parameters
    ----------
    shape
        Shape in which the base is cut: its own, or a finer one.
    cuts
        Start and stop of every axis of that shape.
    order
        The view's layout relative to the box; broadcasts are taken out (see :attr:`repeats`).
    repeats
        Shape to repeat to before the last reshape, or empty.
    """

    shape: tuple[int, ...]
    cuts: tuple[tuple[int, int], ...]
    order: Layout
    repeats: tuple[int, ...]

    @property
    def box_shape(self) -> tuple[int, ...]:
        """Shape of the box."""
        return tuple(stop - start for start, stop in self.cuts)


def box_of(layout: Layout, base_shape: tuple[int, ...]) -> Box | None:
    """Return the view as a box of its base, or None when it is none (it skips elements in a way no slice does)."""
    once = layout.axes
    repeats: tuple[int, ...] = ()
    if any(stride == 0 for _, stride in layout.factors):
        mixed = any(len({stride == 0 for _, stride in axis}) > 1 for axis in layout.axes)
        axes = tuple((factor,) for factor in layout.factors) if mixed else layout.axes
        once = tuple(() if axis and axis[0][1] == 0 else axis for axis in axes)
        repeats = Layout(0, axes).shape
    for shape in (base_shape, refined(layout, prod(base_shape))):
        box = _cut(Layout(layout.offset, once), shape)
        if box is not None:
            return replace(box, repeats=repeats)
    return None


def refined(layout: Layout, size: int) -> tuple[int, ...]:
    """Return the base's shape with an axis for every stride of the view, or () where strides do not nest."""
    strides = sorted({size, *(stride for _, stride in layout.factors if stride), 1}, reverse=True)
    if any(outer % inner for outer, inner in pairwise(strides)):
        return ()
    return tuple(outer // inner for outer, inner in pairwise(strides))


def _cut(layout: Layout, shape: tuple[int, ...]) -> Box | None:
    if not shape:
        return Box((), (), layout, ()) if not layout.factors and not layout.offset else None
    split = [split_factors(axis, shape) for axis in layout.axes]
    if any(axis is None for axis in split):
        return None
    digits = [[] if axis is None else axis for axis in split]
    strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    starts = [layout.offset // stride % size for stride, size in zip(strides, shape, strict=True)]
    extents = [1] * len(shape)
    for axis, (size, stride) in (digit for logical in digits for digit in logical):
        extents[axis] += (size - 1) * (stride // strides[axis])
    stops = [start + extent for start, extent in zip(starts, extents, strict=True)]
    inside = all(stop <= size for stop, size in zip(stops, shape, strict=True))
    if not inside or prod(extents) != prod(layout.shape):
        return None
    box_strides = [prod(extents[axis + 1 :]) for axis in range(len(shape))]
    order = tuple(
        tuple((size, stride // strides[axis] * box_strides[axis]) for axis, (size, stride) in logical)
        for logical in digits
    )
    return Box(shape, tuple(zip(starts, stops, strict=True)), Layout(0, order), ())


def split_factors(factors: Iterable[Factor], shape: tuple[int, ...]) -> list[tuple[int, Factor]] | None:
    """Return the factors with the base axis each moves along, those that move along several split; None if uneven."""
    strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    result: list[tuple[int, Factor]] = []
    for size, stride in factors:
        digits: list[tuple[int, Factor]] = []
        while size > 1:
            axis = next(a for a in reversed(range(len(shape))) if shape[a] > 1 and stride < strides[a] * shape[a])
            if stride % strides[axis]:
                return None
            room = strides[axis] * shape[axis] // stride
            if size <= room:
                digits.append((axis, (size, stride)))
                break
            if strides[axis] * shape[axis] % stride or size % room:
                return None
            digits.append((axis, (room, stride)))
            size, stride = size // room, strides[axis] * shape[axis]
        result.extend(reversed(digits))
    return result

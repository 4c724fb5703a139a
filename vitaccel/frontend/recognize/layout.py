"""Index arithmetic of views: which element of its base tensor each element of a view is.

A view is a chain of reshapes, transposes, slices and broadcasts. :class:`Layout` holds the composed chain as
mixed-radix strides, so composing and comparing chains costs a few integer operations whatever the tensor's size, and
every way an exporter may spell a view has one meaning to compare with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import numpy as np

Factor = tuple[int, int]
"""A digit of the mixed-radix index: its size and the distance in elements between its steps (0 when repeated)."""


def merge(factors: Iterable[Factor]) -> tuple[Factor, ...]:
    """Return the shortest factors with the same meaning, outermost first; this form is unique."""
    merged: list[Factor] = []
    for size, stride in factors:
        if size == 1:
            continue
        if merged and merged[-1][1] == stride * size:
            merged[-1] = (merged[-1][0] * size, stride)
            continue
        merged.append((size, stride))
    return tuple(merged)


@dataclass(frozen=True)
class Layout:
    """Where each element of a view lies in its row-major base tensor.

    Element ``index`` of axis ``a`` is written in the mixed radix of ``axes[a]``; its address is :attr:`offset` plus the
    sum of digit times stride over all axes.

    Parameters
    ----------
    offset
        Address of the first element.
    axes
        For each axis of the view its factors, outermost first; an axis of size 1 has none.
    """

    offset: int
    axes: tuple[tuple[Factor, ...], ...]

    @staticmethod
    def contiguous(shape: tuple[int, ...]) -> Layout:
        """Return the layout of a tensor that is its own base."""
        strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
        return Layout(0, tuple(merge([factor]) for factor in zip(shape, strides, strict=True)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the view."""
        return tuple(prod(size for size, _ in factors) for factors in self.axes)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The unique factors of the flattened view: two views of one shape are equal iff these and the offsets are."""
        return merge(factor for factors in self.axes for factor in factors)

    def same_elements(self, other: Layout) -> bool:
        """Whether both name the same elements in the same row-major order, whatever their shapes."""
        return self.offset == other.offset and self.factors == other.factors

    def is_contiguous(self, base_size: int) -> bool:
        """Whether the view is a reshape of its whole base."""
        whole: tuple[Factor, ...] = ((base_size, 1),) if base_size > 1 else ()
        return self.offset == 0 and self.factors == whole

    def transpose(self, perm: tuple[int, ...]) -> Layout:
        """Return the view with its axes in another order."""
        return Layout(self.offset, tuple(self.axes[axis] for axis in perm))

    def reshape(self, shape: tuple[int, ...]) -> Layout | None:
        """Return the view in another shape, or None where strides cannot express it (a size cuts across a factor)."""
        rest = list(reversed(self.factors))
        axes: list[tuple[Factor, ...]] = []
        for size in shape:
            taken: list[Factor] = []
            while size > 1:
                if not rest:
                    return None
                count, stride = rest.pop()
                if size % count == 0:
                    taken.append((count, stride))
                    size //= count
                    continue
                if count % size:
                    return None
                taken.append((size, stride * (count // size)))
                rest.append((count // size, stride))
                size = 1
            axes.append(tuple(taken))
        return None if rest else Layout(self.offset, tuple(axes))

    def slice(self, axis: int, start: int, stop: int) -> Layout | None:
        """Return elements ``start`` to ``stop`` of an axis, or None where strides cannot express it."""
        cut = _slice(merge(self.axes[axis]), start, stop)
        if cut is None:
            return None
        offset, factors = cut
        return Layout(self.offset + offset, (*self.axes[:axis], factors, *self.axes[axis + 1 :]))

    def broadcast(self, shape: tuple[int, ...]) -> Layout:
        """Return the view repeated to ``shape``, as NumPy broadcasts."""
        axes = ((),) * (len(shape) - len(self.axes)) + self.axes
        pairs = zip(axes, shape, strict=True)
        return Layout(self.offset, tuple(merge([(size, 0)]) if not a and size > 1 else a for a, size in pairs))

    def indices(self) -> np.ndarray:
        """Return the address of every element, int64, in the shape of the view."""
        result = np.full((), self.offset, dtype=np.int64)
        for size, stride in self.factors:
            result = result[..., None] + np.arange(size, dtype=np.int64) * stride
        return result.reshape(self.shape)


def _slice(factors: tuple[Factor, ...], start: int, stop: int) -> tuple[int, tuple[Factor, ...]] | None:
    if stop - start == prod(size for size, _ in factors):
        return 0, factors
    (_, stride), *inner = factors
    step = prod(size for size, _ in inner)
    if start % step == 0 and stop % step == 0:
        return start // step * stride, merge([((stop - start) // step, stride), *inner])
    if start // step != (stop - 1) // step:
        return None
    cut = _slice(tuple(inner), start % step, (stop - 1) % step + 1)
    return None if cut is None else (start // step * stride + cut[0], cut[1])

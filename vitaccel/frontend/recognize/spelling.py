"""The one canonical spelling of a view as ops."""

from __future__ import annotations

from math import prod

import numpy as np

from vitaccel.frontend.derive import derive
from vitaccel.frontend.recognize.box import Box, box_of, refined
from vitaccel.frontend.recognize.layout import Layout
from vitaccel.frontend.recognize.view import View
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Broadcast, Reshape, Slice, Transpose


class Speller:
    """Writes views into a Graph in their canonical spelling, each at most once.

    The spelling is: slices of the base along its own axes, then at most one reshape, transpose, broadcast and reshape.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._written: dict[tuple[object, tuple[str, ...]], str] = {}

    def spell(self, view: View) -> str | None:
        """Return the name of a value that is the view, or None when no slices and transposes spell it."""
        if not self._graph[view.base].type.is_static:
            return None
        box = box_of(view.layout, self._graph[view.base].type.static_shape)
        if box is None:
            return None
        name = self.cut(view, box)
        name = self.reorder(name, box.order, view.sources)
        if box.repeats:
            name = self._broadcast(name, box.repeats, view.sources)
        return self.reshape(name, view.shape, view.sources)

    def cut(self, view: View, box: Box) -> str:
        """Return the box as a value."""
        name = self.reshape(view.base, box.shape, view.sources)
        for axis, (start, stop) in enumerate(box.cuts):
            if stop - start < box.shape[axis]:
                name = self._write(Slice(axis, start, stop), name, view.sources)
        return name

    def reorder(self, name: str, order: Layout, sources: frozenset[str]) -> str:
        """Return the elements of a value in the order of a layout that uses each of them once."""
        shape = self._graph[name].type.static_shape
        if order.is_contiguous(prod(shape)):
            return self.reshape(name, order.shape, sources)
        perm = _plain_transpose(order, shape)
        if perm is None:
            factors = order.factors
            shape = refined(order, prod(shape))
            by_stride = sorted(factors, key=lambda factor: -factor[1])
            perm = tuple(by_stride.index(factor) for factor in factors)
            name = self.reshape(name, shape, sources)
        return self.reshape(self._write(Transpose(perm), name, sources), order.shape, sources)

    def reshape(self, name: str, shape: tuple[int, ...], sources: frozenset[str]) -> str:
        """Return a value in another shape."""
        if self._graph[name].type.shape == shape:
            return name
        return self._write(Reshape(shape), name, sources)

    def _broadcast(self, name: str, shape: tuple[int, ...], sources: frozenset[str]) -> str:
        return self._write(Broadcast(shape), name, sources)

    def _write(self, op: Reshape | Transpose | Slice | Broadcast, name: str, sources: frozenset[str]) -> str:
        key = (op, (name,))
        if key in self._written and self._written[key] in self._graph:
            return self._written[key]
        # A slice that the file quantizes is not written anew without its scale.
        there = [user for user in self._graph.users(name) if self._graph[user].op == op and self._graph[user].scale]
        if there:
            written = there[0]
        elif self._graph.is_const(name) and not isinstance(op, Broadcast):
            written = self._constant(op, name, sources)
        else:
            written = self._graph.add(op, [name], sources=sources)
        self._written[key] = written
        return written

    def _constant(self, op: Reshape | Transpose | Slice, name: str, sources: frozenset[str]) -> str:
        def moved(array: np.ndarray) -> np.ndarray:
            match op:
                case Reshape(shape=shape):
                    return array.reshape(shape)
                case Transpose(perm=perm):
                    return array.transpose(perm)
                case Slice(axis=axis, start=start, stop=stop):
                    return array[(slice(None),) * axis + (np.s_[start:stop],)]

        return derive(self._graph, name, moved, sources=sources)


def _plain_transpose(order: Layout, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the permutation that alone gives the layout, axes of size 1 in order, or None."""
    if len(order.axes) != len(shape):
        return None
    axis_of = {prod(shape[axis + 1 :]): axis for axis in range(len(shape)) if shape[axis] > 1}
    units = iter([axis for axis in range(len(shape)) if shape[axis] == 1])
    perm: list[int] = []
    for factors, size in zip(order.axes, order.shape, strict=True):
        axis = next(units, None) if size == 1 else axis_of.get(factors[-1][1])
        if (
            axis is None
            or shape[axis] != size
            or (size > 1 and Layout(0, (factors,)).factors != ((size, prod(shape[axis + 1 :])),))
        ):
            return None
        perm.append(axis)
    return tuple(perm)

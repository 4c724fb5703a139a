"""Views in a Graph: what a chain of view ops means, and its one canonical spelling."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod

import numpy as np

from vitaccel.frontend.recognize.layout import Factor, Layout
from vitaccel.ir.graph import Graph, Node
from vitaccel.ir.ops import Broadcast, Reshape, Slice, Transpose

VIEW_OPS = (Reshape, Transpose, Slice, Broadcast)

SOURCES_LIMIT = 32
"""Most view ops of a chain whose ONNX nodes are remembered; without a limit a chain would cost its length squared."""


@dataclass(frozen=True)
class View:
    """Elements of a base value in some order.

    Parameters
    ----------
    base
        Name of the value the elements come from.
    layout
        Which elements, in which shape.
    sources
        ONNX nodes of the view ops between the base and the view.
    """

    base: str
    layout: Layout
    sources: frozenset[str] = frozenset()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the view."""
        return self.layout.shape

    def reshape(self, *shape: int) -> View | None:
        """Return the view in another shape, or None where strides cannot express it."""
        layout = self.layout.reshape(shape)
        return None if layout is None else replace(self, layout=layout)

    def transpose(self, *perm: int) -> View:
        """Return the view with its axes in another order."""
        return replace(self, layout=self.layout.transpose(perm))


class Views:
    """The views of a Graph, each resolved once.

    A resolved view stays valid while its base and the ops between are not changed; new nodes may be added freely.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._known: dict[str, View] = {}

    def of(self, name: str) -> View:
        """Return the view that a value is; a value that no view op makes is the whole of itself."""
        chain: list[str] = []
        while name not in self._known and _is_view(self._graph, name):
            chain.append(name)
            name = self._graph[name].inputs[0]
        if name not in self._known:
            self._known[name] = whole(self._graph, name)
        for name in reversed(chain):
            self._known[name] = self._apply(name)
        return self._known[name]

    def _apply(self, name: str) -> View:
        node = self._graph[name]
        inner = self._known[node.inputs[0]]
        layout = applied(inner.layout, node)
        if layout is None:
            return whole(self._graph, name)
        short = len(inner.sources) < SOURCES_LIMIT
        return View(inner.base, layout, inner.sources | node.sources if short else inner.sources)


def whole(graph: Graph, name: str) -> View:
    """Return a value as the view of all of itself."""
    node = graph[name]
    shape = node.type.static_shape if node.type.is_static else ()
    return View(name, Layout.contiguous(shape))


def _is_view(graph: Graph, name: str) -> bool:
    node = graph[name]
    if not isinstance(node.op, VIEW_OPS) or not node.type.is_static or not graph[node.inputs[0]].type.is_static:
        return False
    return node.type.size > 0


def applied(layout: Layout, node: Node) -> Layout | None:
    """Return the layout that a view op makes of its operand's layout, or None where strides cannot express it."""
    match node.op:
        case Reshape(shape=shape):
            return layout.reshape(shape)
        case Transpose(perm=perm):
            return layout.transpose(perm)
        case Slice(axis=axis, start=start, stop=stop):
            return layout.slice(axis, start, stop)
        case Broadcast(shape=shape):
            return layout.broadcast(shape)
    raise AssertionError(node.op)


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
    for shape in (base_shape, _refined(layout, prod(base_shape))):
        box = _cut(Layout(layout.offset, once), shape)
        if box is not None:
            return replace(box, repeats=repeats)
    return None


def _refined(layout: Layout, size: int) -> tuple[int, ...]:
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
            shape = _refined(order, prod(shape))
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
        if self._graph.is_const(name) and not isinstance(op, Broadcast):
            written = self._constant(op, name, sources)
        else:
            written = self._graph.add(op, [name], sources=sources)
        self._written[key] = written
        return written

    def _constant(self, op: Reshape | Transpose | Slice, name: str, sources: frozenset[str]) -> str:
        array, node = self._graph.array(name), self._graph[name]
        match op:
            case Reshape(shape=shape):
                array = array.reshape(shape)
            case Transpose(perm=perm):
                array = array.transpose(perm)
            case Slice(axis=axis, start=start, stop=stop):
                array = array[(slice(None),) * axis + (np.s_[start:stop],)]
        return self._graph.add_const(array, parameter=node.op.attributes() != {}, sources=node.sources | sources)


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

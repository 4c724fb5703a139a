"""Views moved out of the way: token tensors stay ``[B, N, C]`` from the patch embedding to the last norm."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from vitaccel.frontend.derive import derive
from vitaccel.frontend.recognize.box import box_of
from vitaccel.frontend.recognize.heads import compressed
from vitaccel.frontend.recognize.images import IMAGE_OPS, Images
from vitaccel.frontend.recognize.layout import Layout
from vitaccel.frontend.recognize.scale import settle_from
from vitaccel.frontend.recognize.spelling import Speller
from vitaccel.frontend.recognize.view import VIEW_OPS, View, Views
from vitaccel.ir.graph import Graph, is_parameter
from vitaccel.ir.ops import (
    Activation,
    Add,
    Const,
    Foreign,
    Input,
    LayerNorm,
    Linear,
    Moe,
    Mul,
    Select,
)

CONSTANT_LIMIT = 2**24
"""Largest constant that is rearranged to let a view pass, elements."""


def recognize_views(graph: Graph) -> None:
    """Move views behind the ops they commute with, join them, and write what is left in one spelling.

    Linear, LayerNorm and Moe act on rows and let every rearrangement of rows pass; activations, sums and products let
    every rearrangement pass. What remains in front of any other op is its shortest spelling: slices, then one reshape,
    transpose, broadcast and reshape. Views between an image and tokens become ``to_tokens`` and ``from_tokens``.
    """
    pass_ = _Pass(graph)
    for name in graph.topological():
        pass_.visit(name)
    graph.outputs = [pass_.spelled(name, image=graph[name].type.rank == 4) for name in graph.outputs]
    graph.prune()


@dataclass(frozen=True)
class _Piece:
    """A view as a value, sliced but in its own order, and the order that the view shows it in."""

    name: str
    order: Layout
    sources: frozenset[str]


class _Pass:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.views = Views(graph)
        self.speller = Speller(graph)
        self.images = Images(graph)

    def visit(self, name: str) -> None:
        """Rewrite one node; its operands have been visited."""
        op = self.graph[name].op
        self.images.is_image(name)  # operands first: never a deep recursion
        if isinstance(op, (*VIEW_OPS, Const, Input, Foreign, Select)):
            return
        if isinstance(op, Linear | LayerNorm):
            self._rows(name, 1)
        elif isinstance(op, Moe):
            self._rows(name, 2)
        elif isinstance(op, Activation):
            self._elements(name)
        elif isinstance(op, Add | Mul):
            self._sum(name)
        elif isinstance(op, IMAGE_OPS):
            first, *rest = self.graph[name].inputs
            self._read(name, [self.spelled(first, image=True), *rest])
        else:
            self._spell_all(name)

    def spelled(self, name: str, *, image: bool = False) -> str:
        """Return a value in its canonical spelling."""
        if self.graph.is_const(name):
            return name
        view = self.views.of(name)
        if image:
            found = self.images.image(view)
            if found is not None:
                return found
        found = self.speller.spell(self.images.on_tokens(view))
        return name if found is None else found

    def _spell_all(self, name: str) -> None:
        inputs = self.graph[name].inputs
        self._read(name, [self.spelled(i, image=self.graph[i].type.rank == 4) for i in inputs])

    def _read(self, name: str, inputs: list[str]) -> None:
        """Make a node read these values, and stand for the ONNX views that it no longer reads through."""
        node = self.graph[name]
        if tuple(inputs) != node.inputs:
            passed = [self.views.of(operand).sources for operand in node.inputs if not self.graph.is_const(operand)]
            self.graph.update(name, inputs=tuple(inputs), sources=node.sources.union(*passed))

    def _piece(self, name: str) -> _Piece | None:
        """Return a value as a piece, or None when it repeats elements or cannot be sliced out."""
        view = self.images.on_tokens(self.views.of(name))
        box = box_of(view.layout, self.graph[view.base].type.static_shape)
        if box is None or box.repeats or _is_one_token(box.box_shape, view):
            return None
        return _Piece(self.speller.cut(view, box), box.order, view.sources)

    def _shape(self, name: str) -> tuple[int, ...]:
        return self.graph[name].type.static_shape

    # -- ops that views pass ---------------------------------------------------------------------------------------
    def _rows(self, name: str, count: int) -> None:
        """Let rearrangements of rows pass an op whose first ``count`` operands are read row by row."""
        node = self.graph[name]
        pieces = [self._row_piece(operand) for operand in node.inputs[:count]]
        first = pieces[0]
        same = first is not None and all(p is not None and _same_rows(self.graph, p, first) for p in pieces)
        if first is None or not same:
            self._flat_rows(name, count)
            return
        found = [piece for piece in pieces if piece is not None]
        self._replace(name, [*(piece.name for piece in found), *node.inputs[count:]], found)

    def _flat_rows(self, name: str, count: int) -> None:
        """Apply an op on rows whose order stays as it is to ``[B, N, C]``."""
        node, shape = self.graph[name], self._shape(self.graph[name].inputs[0])
        views = [self.views.of(operand) for operand in node.inputs[:count]]
        flat = [v.reshape(shape[0], prod(shape[1:-1]), v.shape[-1]) if len(shape) > 3 else None for v in views]
        found = [self.speller.spell(self.images.on_tokens(v)) for v in flat if v is not None]
        spelled = [operand for operand in found if operand is not None]
        if len(spelled) < count:
            self._read(name, [*map(self.spelled, node.inputs[:count]), *node.inputs[count:]])
            return
        sources = node.sources.union(*(v.sources for v in views))
        new = self.graph.add(node.op, [*spelled, *node.inputs[count:]], sources=sources, label=node.label)
        shown = self.speller.reshape(new, self._shape(name), frozenset())
        self.graph.replace_uses(name, shown)
        settle_from(self.graph, shown)

    def _row_piece(self, name: str) -> _Piece | None:
        """Return a piece whose rows are whole rows of its value, which is reshaped to shorter rows if need be."""
        piece = self._piece(name)
        if piece is None or not piece.order.axes:
            return None
        channels, shape = piece.order.shape[-1], self._shape(piece.name)
        if Layout(0, piece.order.axes[-1:]).factors != Layout.contiguous((channels,)).factors:
            return None
        if not shape or shape[-1] % channels or any(s % channels for axis in piece.order.axes[:-1] for _, s in axis):
            return None
        if shape[-1] == channels:
            return piece
        split = (*shape[:-1], shape[-1] // channels, channels)
        return _Piece(self.speller.reshape(piece.name, split, piece.sources), piece.order, piece.sources)

    def _elements(self, name: str) -> None:
        piece = self._piece(self.graph[name].inputs[0])
        if piece is None:
            self._spell_all(name)
        else:
            self._replace(name, [piece.name], [piece])

    def _sum(self, name: str) -> None:
        """Let views pass a sum or product of two values, or of a value and a constant."""
        left, right = self.graph[name].inputs
        shape = self._shape(name)
        if self.graph.is_const(right) and not self.graph.is_const(left):
            piece = self._piece(left) if self._shape(left) == shape else None
            constant = None if piece is None else self._constant(right, piece, shape)
            if piece is not None and constant is not None:
                self._replace(name, [piece.name, constant], [piece])
                return
        elif not self.graph.is_const(left) and self._shape(left) == self._shape(right):
            pieces = [self._piece(left), self._piece(right)]
            found = [piece for piece in pieces if piece is not None]
            if len(found) == 2 and found[0].order == found[1].order and _same_shape(self.graph, found):
                self._replace(name, [piece.name for piece in found], found)
                return
        self._spell_all(name)

    def _replace(self, name: str, inputs: list[str], pieces: list[_Piece]) -> None:
        """Apply the op to values in their own order, and give its users the order they expect."""
        node, order = self.graph[name], pieces[0].order
        shape = self._shape(inputs[0])
        if order.shape == shape and order.is_contiguous(prod(shape)):
            self._read(name, inputs)
            return
        sources = node.sources.union(*(piece.sources for piece in pieces))
        new = self.graph.add(node.op, inputs, sources=sources, label=node.label)
        width = self._shape(new)[-1] if shape else 1
        rows = isinstance(node.op, Linear | LayerNorm | Moe)
        moved = _with_rows_of(order, shape[-1], width) if rows else order
        shown = self.speller.reorder(new, moved, frozenset())
        self.graph.replace_uses(name, shown)
        settle_from(self.graph, shown)

    def _constant(self, name: str, piece: _Piece, shape: tuple[int, ...]) -> str | None:
        """Return a constant operand in the order of the piece, in its smallest shape; None when that is too large."""
        array, target = self.graph.array(name), self._shape(piece.name)
        order = piece.order
        per_channel = array.shape[-1:] == shape[-1:] == target[-1:] and array.size == shape[-1]
        innermost = Layout(0, order.axes[-1:]).factors == Layout.contiguous(target[-1:]).factors
        moved = not (order.shape == target and order.is_contiguous(prod(target)))
        rearranged = array.size > 1 and moved and not (per_channel and innermost)
        learned = is_parameter(self.graph[name])
        if rearranged and prod(shape) > CONSTANT_LIMIT:
            return None

        def make(array: np.ndarray) -> np.ndarray:
            if rearranged:
                full = np.empty(prod(target), array.dtype)
                full[order.indices().reshape(-1)] = np.broadcast_to(array, shape).reshape(-1)
                array = compressed(full.reshape(target))
            elif not learned:
                array = compressed(array)
            return _smallest(array, len(target))

        if make(array).shape == self._shape(name) and not moved:
            return name
        return derive(self.graph, name, make)


def _smallest(array: np.ndarray, rank: int) -> np.ndarray:
    """Return a constant as a number, a vector over the last axis, or an array of the given rank."""
    if array.size == 1:
        return array.reshape(())
    if array.size == array.shape[-1]:
        return array.reshape(-1)
    return array.reshape((1,) * (rank - array.ndim) + array.shape)


def _is_one_token(box: tuple[int, ...], view: View) -> bool:
    """Whether a view drops the token axis of one token: such a vector ``[B, C]`` stays what it is."""
    return len(box) == 3 and box[1] == 1 and view.shape == (box[0], box[2])


def _same_shape(graph: Graph, pieces: list[_Piece]) -> bool:
    return len({graph[piece.name].type.shape for piece in pieces}) == 1


def _same_rows(graph: Graph, one: _Piece, other: _Piece) -> bool:
    """Whether two pieces show their rows in the same order."""
    shapes = [graph[piece.name].type.static_shape for piece in (one, other)]
    if shapes[0][:-1] != shapes[1][:-1]:
        return False
    rows = [_with_rows_of(p.order, shape[-1], 1).axes[:-1] for p, shape in zip((one, other), shapes, strict=True)]
    return rows[0] == rows[1]


def _with_rows_of(order: Layout, width: int, new: int) -> Layout:
    """Return the order of rows of one width for rows of another."""
    axes = tuple(tuple((size, stride // width * new) for size, stride in axis) for axis in order.axes[:-1])
    return Layout(0, (*axes, ((new, 1),) if new > 1 else ()))

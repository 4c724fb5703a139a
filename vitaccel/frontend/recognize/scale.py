"""Scales of activations where a pattern does not replace a value by its equal, but looks through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitaccel.frontend.qdq.marks import put_scale
from vitaccel.frontend.recognize.match import scaled
from vitaccel.frontend.recognize.scores import CHAIN_LIMIT
from vitaccel.frontend.recognize.view import VIEW_OPS
from vitaccel.ir.graph import Graph
from vitaccel.ir.grid import compressed
from vitaccel.ir.ops import Broadcast, FromTokens, Reshape, Slice, ToTokens, Transpose
from vitaccel.ir.scales import channel_axis, scale_of_steps, steps_of
from vitaccel.ir.views import is_free_view

WHOLE_VIEWS = (Broadcast, FromTokens, Reshape, ToTokens, Transpose)
"""Views that show every element of what they read: their scale is that value's."""


@dataclass(frozen=True)
class Found:
    """A scale and a format met on the way from a value to what it is made of."""

    scale: tuple[float, ...]
    fmt: str

    def give(self, graph: Graph, name: str) -> None:
        """Put it on a value that has none."""
        if not graph[name].scale:
            graph.update(name, scale=self.scale, fmt=self.fmt)


def scale_along(graph: Graph, name: str) -> Found | None:
    """The one scale of a value, or of what it shows or multiplies by a number, divided by those numbers.

    That is the scale the unmultiplied value must have to be the same integers. None where nothing has a scale, or where
    it has one for each channel.
    """
    factor = 1.0
    for _ in range(CHAIN_LIMIT):
        node = graph[name]
        if node.scale:
            one = len(node.scale) == 1 and factor > 0
            return Found((float(np.float32(node.scale[0] / factor)),), node.fmt) if one else None
        product = scaled(graph, name)
        if product is None and not isinstance(node.op, VIEW_OPS):
            return None
        factor *= 1.0 if product is None else product[1]
        name = node.inputs[0] if product is None else product[0]
    return None


def scale_behind(graph: Graph, name: str) -> Found | None:
    """The scale of scores as a softmax sees them: its argument's, or what it is made from by views and factors."""
    factor = 1.0
    for _ in range(CHAIN_LIMIT):
        node = graph[name]
        if node.scale:
            one = len(node.scale) == 1
            return Found(tuple(float(np.float32(s * factor)) for s in node.scale), node.fmt) if one else None
        product = scaled(graph, name)
        if product is None and not isinstance(node.op, Reshape | Transpose):
            return None
        factor *= 1.0 if product is None else product[1]
        name = node.inputs[0] if product is None else product[0]
    return None


def settle_from(graph: Graph, name: str) -> None:
    """Move the scale of a view to the value behind it, as far as the views show that value whole."""
    while isinstance(graph[name].op, (*WHOLE_VIEWS, Slice)) and graph[name].scale:
        node, behind = graph[name], graph[name].inputs[0]
        if graph.is_const(behind):
            return
        if isinstance(node.op, Slice):
            whole = graph[behind]
            is_copy = is_free_view(graph, name) and whole.fmt == "int16" and node.fmt == "int8"
            is_copy &= whole.narrow_scale in (0.0, *node.scale)
            if slice_scale(graph, name, own=False) != node.scale and not (is_copy and len(node.scale) == 1):
                return
            if is_copy:
                graph.update(behind, narrow_scale=node.scale[0])
        else:
            scale = _behind(graph, name, behind)
            if scale is None:
                return
            put_scale(graph, behind, scale, node.fmt)
            if node.narrow_scale:
                put_scale(graph, behind, (node.narrow_scale,), "int8")
        graph.update(name, scale=(), fmt="", narrow_scale=0.0)
        name = behind


def _behind(graph: Graph, view: str, behind: str) -> tuple[float, ...] | None:
    """The scale of a view as that of the value behind it; None when no tuple says it."""
    node, shape = graph[view], graph[behind].type.static_shape
    if len(node.scale) == 1:
        return node.scale
    if isinstance(node.op, Broadcast):
        return None
    steps = np.broadcast_to(steps_of(graph, view), node.type.static_shape)
    if isinstance(node.op, Transpose):
        steps = steps.transpose(np.argsort(node.op.perm))
    elif isinstance(node.op, ToTokens):
        steps = steps.swapaxes(1, 2).reshape(shape)
    elif isinstance(node.op, FromTokens):
        steps = steps.reshape(*steps.shape[:2], -1).swapaxes(1, 2)
    return scale_of_steps(graph, behind, compressed(steps.reshape(shape)))


def slice_scale(graph: Graph, name: str, *, own: bool = True) -> tuple[float, ...]:
    """The scale of a slice: its own, if it has one and that counts, else its part of the value's."""
    node = graph[name]
    op, whole = node.op, graph[node.inputs[0]].scale
    assert isinstance(op, Slice)
    if (own and node.scale) or len(whole) <= 1:
        return node.scale if own and node.scale else whole
    along = op.axis == channel_axis(graph, node.inputs[0])
    return whole[op.start : op.stop] if along else whole

"""Where scales end up: with the value that is computed, not with a view of it; in the tuple of a constant."""

from __future__ import annotations

import numpy as np

from vitaccel.frontend.recognize.scale import settle_from
from vitaccel.frontend.recognize.view import VIEW_OPS
from vitaccel.ir.graph import Graph
from vitaccel.ir.grid import Grid
from vitaccel.ir.ops import Activation, FromTokens, Select, ToTokens
from vitaccel.ir.scales import integers_on, logit_format, narrow_positions, scale_of_steps
from vitaccel.ir.views import is_free_view


def settle_values(graph: Graph) -> None:
    """Move the scales of views to the values that they show whole; to be called between recognisers.

    A view whose scale contradicts that of its value leaves it that of the larger range, a slice keeps its own.
    """
    for name in reversed(graph.topological()):
        node = graph[name]
        if node.scale and isinstance(node.op, (*VIEW_OPS, ToTokens, FromTokens)):
            settle_from(graph, name)


def settle_constants(graph: Graph) -> None:
    """Give every constant on a grid its scale; a constant that has left its grid on the way has none."""
    for name in graph.topological():
        grid = graph.grid(name)
        if grid is None:
            continue
        found = _scale(graph, name, grid)
        if found is not None:
            graph.update(name, scale=found[0], fmt=found[1])


def _scale(graph: Graph, name: str, grid: Grid) -> tuple[tuple[float, ...], str] | None:
    steps = np.abs(grid.steps)
    if not np.isfinite(steps).all() or not (steps > 0).all():
        return None
    integers = integers_on(graph.array(name), steps)
    scale = scale_of_steps(graph, name, steps)
    if integers is None or scale is None:
        return None
    half = 2 ** (grid.bits - 1)
    fits = integers.size == 0 or (integers.min() >= -half and integers.max() < half)
    return (scale, f"int{grid.bits}") if fits else None


def settle_views(graph: Graph) -> None:
    """Give views that the machine does not have for free the scale of what they show, as they are kernels of their own.

    One scale goes through any view; scales of channels do not. A row of a table has the scales of the table's columns.
    """
    for name in graph.topological():
        node = graph[name]
        if isinstance(node.op, Select):
            table = graph[node.inputs[0]]
            own = len(table.scale) in (1, table.type.static_shape[-1])
            graph.update(name, scale=table.scale if own else ())
            continue
        if not isinstance(node.op, (*VIEW_OPS, ToTokens, FromTokens)) or is_free_view(graph, name) or node.scale:
            continue
        shown = graph[node.inputs[0]]
        while not shown.scale and is_free_view(graph, node.inputs[0]):
            node = shown
            shown = graph[node.inputs[0]]
        if len(shown.scale) == 1 and not graph.is_const(node.inputs[0]):
            graph.update(name, scale=shown.scale, fmt=shown.fmt)


def settle_formats(graph: Graph) -> None:
    """Name the formats of logits, and give activations the narrow copies that only they read."""
    for name in graph.topological():
        node = graph[name]
        if node.scale:
            graph.update(name, fmt=logit_format(node))
        if isinstance(node.op, Activation):
            argument = graph[node.inputs[0]]
            if argument.narrow_scale:
                graph.update(name, inner_scale=(argument.narrow_scale,))
    for name in graph.topological():
        if graph[name].narrow_scale and not _read_narrow(graph, name):
            graph.update(name, narrow_scale=0.0)


def _read_narrow(graph: Graph, name: str) -> bool:
    """Whether a matrix product reads a value, views looked through."""
    for user in graph.users(name):
        node = graph[user]
        if isinstance(node.op, (*VIEW_OPS, ToTokens, FromTokens)):
            if _read_narrow(graph, user):
                return True
        elif any(node.inputs[at] == name for at in narrow_positions(graph, user)):
            return True
    return False

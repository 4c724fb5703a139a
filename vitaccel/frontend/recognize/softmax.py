"""Softmax that a model wrote as arithmetic."""

from __future__ import annotations

from vitaccel.frontend.recognize.match import between, is_foreign, reduced_axes
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Softmax


def recognize_softmax(graph: Graph) -> None:
    """Replace ``exp(y) / sum(exp(y))`` over the last axis, where ``y`` is ``x`` or ``x - max(x)``, by one Softmax."""
    for name in graph.topological():
        if name not in graph or not is_foreign(graph, name, "Exp"):
            continue
        sums = [user for user in graph.users(name) if _reduces(graph, user, "ReduceSum", name)]
        for total in sums:
            for root in graph.users(total):
                if is_foreign(graph, root, "Div") and graph[root].inputs == (name, total):
                    x = _unshifted(graph, graph[name].inputs[0])
                    new = graph.add(Softmax(), [x], sources=between(graph, root, [x]))
                    graph.replace_uses(root, new)
    graph.prune()


def _reduces(graph: Graph, name: str, op_type: str, x: str) -> bool:
    """Whether a value is this reduction of ``x`` over its last axis, that axis kept."""
    if not is_foreign(graph, name, op_type) or graph[name].inputs[0] != x:
        return False
    rank = graph[x].type.rank
    return graph[name].type.rank == rank and reduced_axes(graph, name) == (rank - 1,)


def _unshifted(graph: Graph, name: str) -> str:
    """Return ``x`` for ``x - max(x)``: a shift that softmax does not see."""
    if is_foreign(graph, name, "Sub"):
        x, maximum = graph[name].inputs
        if _reduces(graph, maximum, "ReduceMax", x):
            return x
    return name

"""A router whose matrix is chosen by a task input: ``x @ select(table, task)``."""

from __future__ import annotations

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Linear, MatMul, Reshape, Select


def recognize_task_gates(graph: Graph) -> None:
    """Make a Linear of every product by a selected constant."""
    for name in list(graph):
        node = graph[name]
        if not isinstance(node.op, MatMul):
            continue
        x, weight = node.inputs
        if graph[weight].type.rank == 2 and _is_selected(graph, weight):
            graph.replace_uses(name, graph.add(Linear(), [x, weight], sources=node.sources))


def _is_selected(graph: Graph, name: str) -> bool:
    while isinstance(graph[name].op, Reshape):
        name = graph[name].inputs[0]
    return isinstance(graph[name].op, Select)

"""Differences of two activations that no pattern took."""

from __future__ import annotations

import numpy as np

from vitaccel.frontend.recognize.match import is_foreign
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, Mul


def recognize_difference(graph: Graph) -> None:
    """Replace every ``Sub`` left by ``a + (-1) * b``: the lanes add and multiply."""
    for name in graph.topological():
        node = graph[name]
        if not is_foreign(graph, name, "Sub") or not node.type.is_static or node.type.element != "f32":
            continue
        minus_one = graph.add_const(np.array(-1, np.float32))
        negative = graph.add(Mul(), [node.inputs[1], minus_one], sources=node.sources)
        graph.replace_uses(name, graph.add(Add(), [node.inputs[0], negative], sources=node.sources))
    graph.prune()

"""A product per channel behind a LayerNorm is part of its gamma and beta."""

from __future__ import annotations

import numpy as np

from vitaccel.frontend.derive import derive
from vitaccel.frontend.recognize.match import other
from vitaccel.ir.graph import Graph, is_parameter
from vitaccel.ir.ops import LayerNorm, Mul


def recognize_norm_scale(graph: Graph) -> None:
    """Fold ``layernorm(x) * c`` into the LayerNorm, one for each ``c`` where only such products read it.

    A LayerNorm without gamma and beta, whose ones and zeros an exporter made up, leaves only ``c`` as a parameter; of
    any other the product of gamma and ``c`` does, and ``graph.folded_parameters`` keeps the count of ``c``.
    """
    for name in graph.topological():
        users = graph.users(name)
        if not isinstance(graph[name].op, LayerNorm) or not users or name in graph.outputs:
            continue
        factors = [_factor(graph, name, user) for user in users]
        if all(factors):
            for user, factor in zip(users, factors, strict=True):
                _fold(graph, name, user, str(factor))
    graph.prune()


def _factor(graph: Graph, norm: str, user: str) -> str | None:
    """Return the constant per channel by which a value multiplies the norm, or None when it does anything else."""
    if not isinstance(graph[user].op, Mul) or graph[user].inputs == (norm, norm):
        return None
    constant = other(graph, user, norm)
    if not graph.is_const(constant) or graph[constant].type.shape != graph[norm].type.shape[-1:]:
        return None
    return constant if _is_plain(graph, norm) or graph.users(constant) == [user] else None


def _is_plain(graph: Graph, norm: str) -> bool:
    """Whether gamma is ones and beta zeros."""
    gamma, beta = (graph.array(operand) for operand in graph[norm].inputs[1:])
    return bool((gamma == 1).all() and (beta == 0).all())


def _fold(graph: Graph, norm: str, user: str, factor: str) -> None:
    node, sources = graph[norm], graph[norm].sources | graph[user].sources
    if _is_plain(graph, norm):
        vectors = [factor, graph.add_const(np.zeros(graph[factor].type.size, np.float32))]
    else:
        graph.folded_parameters += graph[factor].type.size * is_parameter(graph[factor])
        vectors = [_product(graph, operand, factor) for operand in node.inputs[1:]]
    graph.replace_uses(user, graph.add(node.op, [node.inputs[0], *vectors], sources=sources))


def _product(graph: Graph, vector: str, factor: str) -> str:
    by = graph.array(factor)
    return derive(graph, vector, lambda a: np.multiply(a, by, dtype=np.float32), sources=graph[factor].sources)

"""Fuse what one macro-instruction does: a matmul with its activation and residual, logits with their attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import (
    Activation,
    Add,
    Attention,
    AttentionLogits,
    Concat,
    Const,
    Conv2d,
    Input,
    Linear,
    MatMul,
    Mean,
    Moe,
    TokenMix,
)
from vitaccel.ir.views import base, is_free_view, real_users

ROOTS = (Linear, Conv2d, MatMul, TokenMix, Attention, Moe, Mean)
"""Ops that root a kernel with an epilogue; every other op that is not a free view is a kernel of its own."""


@dataclass(frozen=True)
class Fuse:
    """Give every node the name of the node that roots its kernel.

    A matmul takes along, when it is their only source: one activation; then one addition of an earlier value (the
    residual) or of a constant (a position table); for an embedding also a concatenation with constant tokens, which
    become rows of the residual. Experts take their residual. Logits belong to their first attention.
    """

    name: ClassVar[str] = "fuse"
    epilogues: bool = True

    def run(self, graph: Graph) -> Graph:
        """Return the Graph with kernels assigned."""
        result = graph.canonical()
        position = {name: at for at, name in enumerate(result.topological())}
        for name in position:
            node = result[name]
            if not isinstance(node.op, Const | Input) and not node.kernel:
                result.update(name, kernel=name)
        for name in position:
            if isinstance(result[name].op, ROOTS) and self.epilogues and _array_root(result, name):
                _grow(result, name, position)
        for name in position:
            if isinstance(result[name].op, AttentionLogits):
                _adopt_logits(result, name)
        return result


def _array_root(graph: Graph, name: str) -> bool:
    op = graph[name].op
    return not (isinstance(op, Conv2d) and op.groups > 1)


def _grow(graph: Graph, root: str, position: dict[str, int]) -> None:
    tail, stage = root, 0
    while True:
        users = real_users(graph, tail)
        if len(users) != 1 or tail in graph.outputs:
            return
        user = users[0]
        reached = _stage_of(graph, user, tail, root, position)
        if reached <= stage:
            return
        graph.update(user, kernel=root)
        tail, stage = user, reached


def _stage_of(graph: Graph, user: str, tail: str, root: str, position: dict[str, int]) -> int:
    """1 for an activation, 2 for joined constant tokens, 3 for a residual; 0 when the user cannot be fused."""
    node, op = graph[user], graph[root].op
    if isinstance(node.op, Activation) and isinstance(op, Linear | Conv2d | TokenMix | MatMul):
        return 1
    if isinstance(node.op, Concat) and isinstance(op, Conv2d | Linear):
        others = [i for i in node.inputs if base(graph, i) != tail]
        joins_tokens = node.op.axis == 1 and node.type.rank == 3
        return 2 if joins_tokens and all(graph.is_const(i) for i in others) else 0
    if isinstance(node.op, Add) and not isinstance(op, Mean):
        others = [i for i in node.inputs if base(graph, i) != tail]
        if len(others) != 1:
            return 0
        other = graph[others[0]]
        fits = other.type.shape[-2:] == node.type.shape[-2:] if graph.is_const(others[0]) else other.type == node.type
        ready = graph.is_const(others[0]) or position[base(graph, others[0])] < position[root]
        return 3 if fits and ready else 0
    return 0


def _adopt_logits(graph: Graph, name: str) -> None:
    first = [user for user in graph.users(name) if isinstance(op := graph[user].op, Attention) and op.reuse == "none"]
    if first:
        graph.update(name, kernel=graph[first[0]].kernel)


def members(graph: Graph, root: str) -> list[str]:
    """Nodes of the kernel rooted at ``root``, in canonical order, free views not included."""
    return [n for n in graph.topological() if graph[n].kernel == root and not is_free_view(graph, n)]

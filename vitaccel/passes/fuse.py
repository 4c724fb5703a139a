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
from vitaccel.passes.convolution import is_depthwise, is_patch_embedding

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
            if isinstance(result[name].op, ROOTS) and self.epilogues and not is_depthwise(result, name):
                _grow(result, name, position)
        for name in position:
            if isinstance(result[name].op, AttentionLogits):
                _adopt_logits(result, name)
        return result


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
        return 2 if _joins_constant_tokens(graph, user, tail, root) else 0
    if isinstance(node.op, Add) and not isinstance(op, Mean):
        others = [i for i in node.inputs if base(graph, i) != tail]
        if len(others) != 1:
            return 0
        other = graph[others[0]]
        if graph.is_const(others[0]):
            return 3 if other.type.shape[-2:] == node.type.shape[-2:] else 0
        # Joined tokens already take the one residual there is.
        free = not isinstance(graph[tail].op, Concat)
        return 3 if free and other.type == node.type and position[base(graph, others[0])] < position[root] else 0
    return 0


def _joins_constant_tokens(graph: Graph, user: str, tail: str, root: str) -> bool:
    """Whether a concatenation adds constant tokens to a matmul's rows: in front only where the host lays out the rows.

    Rows move down by the tokens in front, and the array cannot shift lanes; patches of an input have free rows there.
    """
    node = graph[user]
    if node.op != Concat(axis=1) or node.type.rank != 3:
        return False
    at = [base(graph, i) == tail for i in node.inputs]
    if sum(at) != 1 or not all(graph.is_const(i) for i, own in zip(node.inputs, at, strict=True) if not own):
        return False
    return at[0] or is_patch_embedding(graph, root)


def _adopt_logits(graph: Graph, name: str) -> None:
    first = [user for user in graph.users(name) if isinstance(op := graph[user].op, Attention) and op.reuse == "none"]
    if first:
        graph.update(name, kernel=graph[first[0]].kernel)


def members(graph: Graph, root: str) -> list[str]:
    """Nodes of the kernel rooted at ``root``, in canonical order, free views not included."""
    return [n for n in graph.topological() if graph[n].kernel == root and not is_free_view(graph, n)]

"""Which values share one scale because the machine moves them, or adds onto them, without rescaling.

A residual addition happens at the drain of a matmul, after its one rounding, so what is added has the scale of the sum;
and whatever only copies elements has the scale of what it copies.
"""

from __future__ import annotations

from collections.abc import Iterable

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import (
    Activation,
    Add,
    AttentionLogits,
    Broadcast,
    Concat,
    Const,
    Pool2d,
    Reshape,
    Resize2d,
    Select,
    Slice,
    Transpose,
)
from vitaccel.ir.views import base, is_free_view, real_users


class _Sets:
    """Disjoint sets; the representative is the member that was known first."""

    def __init__(self, members: Iterable[str]) -> None:
        self.order = {name: at for at, name in enumerate(members)}
        self.parent = {name: name for name in self.order}

    def find(self, name: str) -> str:
        while self.parent[name] != name:
            name = self.parent[name]
        return name

    def join(self, a: str, b: str) -> None:
        first, second = sorted((self.find(a), self.find(b)), key=self.order.__getitem__)
        self.parent[second] = first


def streams(graph: Graph) -> dict[str, str]:
    """Representative of the stream of every value that is neither a free view nor a channel parameter.

    Two values with one representative have one scale. Constants that are added or joined to a stream belong to it.
    """
    names = [n for n in graph.topological() if not is_free_view(graph, n)]
    sets = _Sets(names)
    for name in names:
        for operand in _same_scale(graph, name):
            sets.join(name, base(graph, operand))
    return {name: sets.find(name) for name in names}


def is_copy(graph: Graph, name: str) -> bool:
    """Whether a node moves elements without changing them, and is not free."""
    op = graph[name].op
    if isinstance(op, Pool2d):
        return op.kind == "max"
    if isinstance(op, Resize2d):
        return op.mode == "nearest"
    return isinstance(op, Concat | Slice | Broadcast | Reshape | Transpose) and not is_free_view(graph, name)


def is_channel_parameter(graph: Graph, user: str, operand: str) -> bool:
    """Whether a constant of a sum or product is a number for each channel (or one), which lanes hold as parameters."""
    node = graph[user]
    table = isinstance(node.op, Concat | Broadcast) or graph[operand].type.size > node.type.static_shape[_axis(node)]
    return graph.is_const(operand) and not table


def _axis(node: object) -> int:
    shape = node.type.static_shape  # type: ignore[attr-defined]
    return 1 if len(shape) == 4 else len(shape) - 1


def _same_scale(graph: Graph, name: str) -> list[str]:
    """Operands that must have the scale of the node's value."""
    node = graph[name]
    if isinstance(node.op, Add):
        if node.kernel not in ("", name):
            tails = [i for i in node.inputs if _is_preactivation(graph, base(graph, i))]
            return [i for i in node.inputs if i not in tails]
        # Lanes rescale each operand of a sum of their own, but a table of tokens is written for the sum.
        return [i for i in node.inputs if graph.is_const(i) and not is_channel_parameter(graph, name, i)]
    if isinstance(node.op, AttentionLogits):
        return list(node.inputs[2:])
    if is_copy(graph, name) and (node.kernel not in ("", name) or not _narrows(graph, name)):
        return list(node.inputs)
    return []


def _is_preactivation(graph: Graph, name: str) -> bool:
    return preactivation_of(graph, name) != ""


def preactivation_of(graph: Graph, name: str) -> str:
    """The activation that is fused directly behind a matmul's value, or ""."""
    if isinstance(graph[name].op, Const) or is_free_view(graph, name):
        return ""
    for user in real_users(graph, name):
        node = graph[user]
        if isinstance(node.op, Activation) and node.kernel not in ("", user) and node.kernel == graph[name].kernel:
            return user
    return ""


def _narrows(graph: Graph, name: str) -> bool:
    """Whether a copy is int8 while its operand must keep 16 bits for another reader: the copy is rescaled then."""
    if graph[name].fmt != "int8":
        return False
    sources = [base(graph, i) for i in graph[name].inputs]
    return any(
        not is_copy(graph, user)
        for source in sources
        for user in real_users(graph, source)
        if not isinstance(graph[user].op, Select)
    )

"""One order for the operands of sums and products, whatever order a file wrote them in."""

from __future__ import annotations

from hashlib import blake2b

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, Const, Mul


def order_operands(graph: Graph) -> None:
    """Order the operands of every Add and Mul: the shallower first, so ``add(x, f(x))``; constants last.

    Depth is the longest path from an input. Equally deep operands are ordered by a digest of how they are computed, so
    the order depends on the network and not on the file.
    """
    depth: dict[str, int] = {}
    order = graph.topological()
    digests = _Digests(graph, order)
    for at, name in enumerate(order):
        node = graph[name]
        depth[name] = 1 + max((depth[operand] for operand in node.inputs), default=-1)
        if not isinstance(node.op, Add | Mul):
            continue
        left, right = node.inputs
        ranks = [(graph.is_const(operand), depth[operand]) for operand in (left, right)]
        if ranks[0] == ranks[1] and left != right:
            digests.extend(at)
            turned = digests[right] < digests[left]
        else:
            turned = ranks[1] < ranks[0]
        if turned:
            graph.update(name, inputs=(right, left))


class _Digests:
    """Digests of how values are computed, made in topological order as far as they are asked for."""

    def __init__(self, graph: Graph, order: list[str]) -> None:
        self._graph = graph
        self._order = order
        self._known: dict[str, bytes] = {}

    def __getitem__(self, name: str) -> bytes:
        return self._known[name]

    def extend(self, stop: int) -> None:
        """Make the digests of the first ``stop`` values, whose operands are in their final order."""
        for name in self._order[len(self._known) : stop]:
            node = self._graph[name]
            text = "const" if isinstance(node.op, Const) else repr(node.op)
            parts = [f"{text} {node.type}".encode(), *(self._known[operand] for operand in node.inputs)]
            self._known[name] = blake2b(b"".join(parts), digest_size=16).digest()

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
    digest: dict[str, bytes] = {}
    for name in graph.topological():
        node = graph[name]
        if isinstance(node.op, Add | Mul):
            operands = sorted(node.inputs, key=lambda i: (graph.is_const(i), depth[i], digest[i]))
            if tuple(operands) != node.inputs:
                graph.update(name, inputs=tuple(operands))
                node = graph[name]
        is_leaf = not node.inputs
        depth[name] = 0 if is_leaf else 1 + max(depth[i] for i in node.inputs)
        text = "const" if isinstance(node.op, Const) else repr(node.op)
        digest[name] = blake2b(b"".join([f"{text} {node.type}".encode(), *(digest[i] for i in node.inputs)])).digest()

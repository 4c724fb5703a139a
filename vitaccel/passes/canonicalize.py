"""Simplify a recognised Graph: views that do nothing and chains of views disappear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Broadcast, Concat, Reshape, Slice, Transpose


@dataclass(frozen=True)
class Canonicalize:
    """Remove identity views and merge adjacent reshapes, until nothing changes; then number the nodes canonically."""

    name: ClassVar[str] = "canonicalize"

    def run(self, graph: Graph) -> Graph:
        """Return the simplified Graph."""
        result = graph.canonical()
        changed = True
        while changed:
            changed = False
            for name in result.topological():
                if name in result and _simplify(result, name):
                    changed = True
            result.prune()
        return result.canonical()


def _simplify(graph: Graph, name: str) -> bool:
    node = graph[name]
    if not isinstance(node.op, Reshape | Transpose | Broadcast | Slice | Concat):
        return False
    operand = node.inputs[0]
    source = graph[operand]
    trivial = node.type == source.type and not (isinstance(node.op, Transpose) and not _identity(node.op.perm))
    if trivial and len(node.inputs) == 1 and graph.users(name) + [o for o in graph.outputs if o == name]:
        graph.replace_uses(name, operand)
        graph.update(operand, sources=source.sources | node.sources)
        return True
    if isinstance(node.op, Reshape) and isinstance(source.op, Reshape):
        graph.update(name, inputs=source.inputs, sources=node.sources | source.sources)
        return True
    return False


def _identity(perm: tuple[int, ...]) -> bool:
    return perm == tuple(range(len(perm)))

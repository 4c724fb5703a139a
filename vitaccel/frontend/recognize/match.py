"""Small questions that the recognisers ask about one value of a Graph."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Foreign, Mul


def scalar(graph: Graph, name: str) -> float | None:
    """Return the value of a constant of one element, else None."""
    if not graph.is_const(name) or graph[name].type.size != 1:
        return None
    return float(graph.array(name).reshape(()))


def between(graph: Graph, root: str, leaves: Iterable[str]) -> frozenset[str]:
    """Return the ONNX sources of everything that ``root`` is computed from, down to but not including ``leaves``."""
    sources: set[str] = set()
    stack, seen = [root], set(leaves)
    while stack:
        name = stack.pop()
        if name not in seen:
            seen.add(name)
            sources |= graph[name].sources
            stack += graph[name].inputs
    return frozenset(sources)


def in_16_bits(value: float) -> tuple[float, float]:
    """Return a number as fp16 and as bf16 round it: what a 16-bit model keeps of a constant."""
    bits = int(np.float32(value).view(np.uint32))
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16
    return float(np.float16(value)), float(np.uint32(rounded).view(np.float32))


def is_foreign(graph: Graph, name: str, *op_types: str) -> bool:
    """Whether a value is the first output of one of these ONNX operators."""
    op = graph[name].op
    return isinstance(op, Foreign) and op.op_type in op_types and op.output == 0


def scaled(graph: Graph, name: str) -> tuple[str, float] | None:
    """Return ``(x, c)`` when a value is ``x * c`` with a scalar ``c`` that leaves the shape of ``x``, else None."""
    node = graph[name]
    if not isinstance(node.op, Mul):
        return None
    for x, factor in (node.inputs, node.inputs[::-1]):
        value = scalar(graph, factor)
        if value is not None and graph[x].type.shape == node.type.shape:
            return x, value
    return None


def other(graph: Graph, name: str, operand: str) -> str:
    """Return the second operand of a commutative op whose first, in either position, is ``operand``."""
    left, right = graph[name].inputs
    return right if left == operand else left


def reduced_axes(graph: Graph, name: str) -> tuple[int, ...] | None:
    """Return the axes of an ONNX reduction, non-negative and sorted; None when they are not constant."""
    node = graph[name]
    op = node.op
    if not isinstance(op, Foreign):
        return None
    rank = graph[node.inputs[0]].type.rank
    axes = op.attr("axes")
    if axes is None and 1 in op.present:
        operand = node.inputs[op.present.index(1)]
        if not graph.is_const(operand):
            return None
        axes = tuple(int(axis) for axis in np.ravel(graph.array(operand)))
    if axes is None:
        return tuple(range(rank)) if not op.attr("noop_with_empty_axes", 0) else ()
    if not isinstance(axes, tuple):
        return None
    return tuple(sorted(int(axis) % rank for axis in axes))


def place(graph: Graph, name: str) -> str:
    """Return the ONNX nodes of a value for an error message: their names and, where known, the operator."""
    node = graph[name]
    named = ", ".join(sorted(node.sources)) or name
    return f"{named} ({node.op.op_type if isinstance(node.op, Foreign) else node.op.name})"

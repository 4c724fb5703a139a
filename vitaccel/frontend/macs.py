"""Multiply-accumulates of the file as it is written, before anything is recognised."""

from __future__ import annotations

from math import prod

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Foreign, Moe

MATRIX_OPS = ("Conv", "Einsum", "Gemm", "MatMul")


def macs_exported(graph: Graph) -> int:
    """MACs of a translated Graph by the convention of ``torch.utils.flop_counter``: matrix products and convolutions.

    Products of unknown size (the tokens an expert happens to get) are left out: see :func:`routed_sources`.
    """
    total = 0
    for name in graph.topological():
        op = graph[name].op
        if not all(t.is_static for t in (graph[name].type, *graph.operand_types(name))):
            continue
        if not isinstance(op, Foreign):
            total += graph.macs(name)
        elif op.op_type == "Attention" and op.output == 0:
            total += _attention(graph, name)
        elif op.op_type == "MoE":
            total += _microsoft_moe(graph, name, op)
    return total


def routed_sources(graph: Graph) -> frozenset[str]:
    """ONNX nodes of a translated Graph that multiply a number of tokens known only when the model runs."""
    found: set[str] = set()
    for name in graph.topological():
        op = graph[name].op
        if isinstance(op, Foreign) and op.op_type in MATRIX_OPS and not graph[name].type.is_static:
            found |= graph[name].sources
    return frozenset(found)


def macs_of_routed(graph: Graph, sources: frozenset[str]) -> int:
    """MACs of the recognised mixtures of experts that stand for the given ONNX nodes: every token goes to k experts."""
    nodes = ((n, graph[n]) for n in graph.topological())
    return sum(graph.macs(n) for n, node in nodes if isinstance(node.op, Moe) and node.sources & sources)


def _attention(graph: Graph, name: str) -> int:
    """``Attention`` of opset 23: q and k give logits, the logits times v; 4-D [B, H, M, d] or 3-D [B, M, H*d]."""
    q, k, v = (t.static_shape for t in graph.operand_types(name)[:3])
    if not len(q) == len(k) == len(v) or len(q) not in (3, 4):
        return 0
    return (prod(q) + prod(graph[name].type.static_shape)) * k[-2]


def _microsoft_moe(graph: Graph, name: str, op: Foreign) -> int:
    """``com.microsoft.MoE``: each token through k experts; weights [E, ., .] at inputs 2, 4 and 6."""
    by_position = dict(zip(op.present, graph.operand_types(name), strict=True))
    k = op.attr("k", 1)
    rows = prod(by_position[0].static_shape[:-1]) * (k if isinstance(k, int) else 1)
    return rows * sum(prod(by_position[p].static_shape[1:]) for p in (2, 4, 6) if p in by_position)

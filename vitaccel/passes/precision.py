"""Assign number formats: int8 into matmuls, int16 on the residual stream, base-2 fixed point for attention logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import (
    Attention,
    AttentionLogits,
    Const,
    Conv2d,
    Input,
    Linear,
    MatMul,
    Mean,
    Moe,
    Op,
    Select,
    TokenMix,
)
from vitaccel.ir.views import base, is_free_view, real_users
from vitaccel.passes.convolution import is_depthwise


@dataclass(frozen=True)
class Precision:
    """Give every value its format.

    A value is int8 when only matmuls read it, int16 when anything else does (LayerNorm, a residual addition, softmax,
    the network's output): int8 on the residual stream is the first thing that breaks accuracy. ``logit_fraction_bits``
    is the f of the logits' Q5.f.
    """

    name: ClassVar[str] = "precision"
    logit_fraction_bits: int = 6

    def run(self, graph: Graph) -> Graph:
        """Return the Graph with formats assigned."""
        result = graph.canonical()
        for name in result.topological():
            node = result[name]
            if isinstance(node.op, Const | Select):
                continue
            if isinstance(node.op, AttentionLogits):
                result.update(name, fmt=f"q5.{self.logit_fraction_bits}")
            elif isinstance(node.op, Input):
                result.update(name, fmt="int8" if node.type.element == "f32" else "index")
            else:
                result.update(name, fmt=_format(result, name))
        return result


def _format(graph: Graph, name: str) -> str:
    source = base(graph, name)
    if any(base(graph, output) == source for output in graph.outputs):
        return "int16"
    wide = any(not _reads_int8(graph[user].op, graph, user, source) for user in real_users(graph, source))
    return "int16" if wide else "int8"


def _reads_int8(op: Op, graph: Graph, user: str, value: str) -> bool:
    if isinstance(op, Linear | Conv2d | MatMul | TokenMix | Mean | AttentionLogits):
        return not is_depthwise(graph, user)
    if isinstance(op, Attention):
        return base(graph, graph[user].inputs[1]) == value
    if isinstance(op, Moe):
        return base(graph, graph[user].inputs[0]) == value
    return is_free_view(graph, user)

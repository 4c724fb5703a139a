"""Turn the fused Graph into kernels with P x P tiles and tensors with layouts: the Plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vitaccel.arch import Arch
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
    Select,
    TokenMix,
)
from vitaccel.ir.plan import Plan
from vitaccel.ir.views import is_free_view, is_input_layout
from vitaccel.passes.convolution import is_depthwise
from vitaccel.passes.lowering.attention import lower_attention
from vitaccel.passes.lowering.builder import Builder
from vitaccel.passes.lowering.lane import lower_lane
from vitaccel.passes.lowering.matmul import lower_matmul
from vitaccel.passes.lowering.moe import lower_moe


@dataclass(frozen=True)
class Tile:
    """Lower every kernel root in canonical order.

    A value is written in the width and layout most of its users want; where another is needed a ``convert`` kernel
    stands between (requantize, and the P x P transposer for a change of layout).
    """

    name: ClassVar[str] = "tile"
    arch: Arch

    def run(self, graph: Graph) -> Plan:
        """Return the Plan.

        Raises
        ------
        UnsupportedError
            If a node has no kernel on this machine.
        """
        builder = Builder(graph, Plan(graph.name, self.arch))
        for name in graph.topological():
            node = graph[name]
            if node.kernel != name or is_free_view(graph, name) or isinstance(node.op, Const | Input | Select):
                continue
            if is_input_layout(graph, name):
                continue
            _lower(builder, name)
        return builder.plan


def _lower(builder: Builder, root: str) -> None:
    op = builder.graph[root].op
    if is_depthwise(builder.graph, root):
        lower_lane(builder, root)
    elif isinstance(op, Linear | Conv2d | TokenMix | Mean | MatMul):
        lower_matmul(builder, root)
    elif isinstance(op, Attention):
        lower_attention(builder, root)
    elif isinstance(op, Moe):
        lower_moe(builder, root)
    elif not isinstance(op, AttentionLogits):
        lower_lane(builder, root)

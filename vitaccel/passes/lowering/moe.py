"""Routed experts."""

from __future__ import annotations

from vitaccel.ir.ops import Add, Moe
from vitaccel.ir.plan import MoeKernel
from vitaccel.ir.views import base, extent
from vitaccel.passes.lowering.builder import INT8_CHANNEL, INT8_TOKEN, INT16_TOKEN, Builder


def lower_moe(builder: Builder, root: str) -> None:
    """Emit the kernel of a layer of experts: staging for two experts in flight, results added onto the residual."""
    graph = builder.graph
    node, label = graph[root], graph[root].label
    op = node.op
    assert isinstance(op, Moe)
    x = builder.read(node.inputs[0], INT8_CHANNEL, label)
    logits = builder.read(node.inputs[1], INT16_TOKEN, label)
    shape = extent(graph[node.inputs[0]].type)
    width_in, hidden = graph[node.inputs[2]].type.static_shape[1:]
    width_out = graph[node.inputs[4]].type.static_shape[2]
    rows = shape.frames * shape.tokens
    rows = min(rows, op.capacity) if op.capacity else rows
    staging = tuple(
        builder.tensor(root, form, frames=1, tokens=rows, channels=channels, suffix=f".{stem}{copy}")
        for copy in (0, 1)
        for stem, form, channels in (
            ("gathered", INT8_TOKEN, width_in),
            ("hidden", INT8_TOKEN, hidden),
            ("expert", INT16_TOKEN, width_out),
        )
    )
    residual = _residual(builder, root)
    builder.emit(
        MoeKernel(
            label=label,
            node=root,
            op="moe",
            out=builder.produce(builder.tail(root), form=INT16_TOKEN),
            macs=graph.macs(root),
            x=x,
            logits=logits,
            residual=residual,
            frames=shape.frames,
            tokens=shape.tokens,
            experts=op.experts,
            k=op.k,
            capacity=op.capacity,
            width_in=width_in,
            hidden=hidden,
            width_out=width_out,
            activation=op.activation,
            score=op.score,
            order=op.order,
            staging=staging,
        )
    )


def _residual(builder: Builder, root: str) -> str:
    graph = builder.graph
    fused = builder.fused(root)
    for name in fused:
        if isinstance(graph[name].op, Add):
            other = next(i for i in graph[name].inputs if base(graph, i) not in {root, *fused})
            return builder.read(other, INT16_TOKEN, graph[root].label)
    return ""

"""Everything that streams through the lanes: normalisation, activations, additions, pooling, depthwise, copies."""

from __future__ import annotations

from math import prod

from vitaccel.errors import UnsupportedError
from vitaccel.ir.ops import (
    Activation,
    Add,
    Broadcast,
    Concat,
    Conv2d,
    LayerNorm,
    Mul,
    Op,
    Pool2d,
    Resize2d,
    Slice,
    Softmax,
    Transpose,
)
from vitaccel.ir.plan import LaneKernel, MatMulKernel
from vitaccel.ir.views import extent
from vitaccel.passes.lowering.builder import INT16_TOKEN, Builder

RESIZE_TAPS = 4
"""Input pixels of one bilinearly interpolated output pixel."""


def lower_lane(builder: Builder, root: str) -> None:
    """Emit the kernel of an op that runs on the vector engine.

    Raises
    ------
    UnsupportedError
        If the op has no lane function.
    """
    graph = builder.graph
    node, tail = graph[root], builder.tail(root)
    function, passes = _function(builder, root)
    operands = tuple(
        builder.read(operand, INT16_TOKEN, node.label)
        for operand in node.inputs[: 1 if isinstance(node.op, LayerNorm | Conv2d) else None]
        if not graph.is_const(operand) or graph[operand].type.size > _channels(builder, root)
    )
    source = extent(graph[node.inputs[0]].type)
    shape = extent(graph[tail].type)
    streamed = shape if passes > 1 or isinstance(node.op, Concat) else max(shape, source, key=lambda e: e.tokens)
    out = builder.produce(tail)
    builder.emit(
        LaneKernel(
            label=node.label,
            node=root,
            op=node.op.name if not isinstance(node.op, Activation) else node.op.kind,
            function=function,
            out=out,
            macs=graph.macs(root),
            operands=operands,
            frames=streamed.frames,
            tokens=streamed.tokens,
            channels=streamed.channels,
            passes=passes,
        )
    )


def _channels(builder: Builder, root: str) -> int:
    return extent(builder.graph[root].type).channels


def _function(builder: Builder, root: str) -> tuple[str, int]:
    """Lane function and number of passes over the output words."""
    graph = builder.graph
    op: Op = graph[root].op
    if isinstance(op, LayerNorm):
        return "layernorm", 1 if _has_moments(builder, graph[root].inputs[0]) else 2
    if isinstance(op, Activation):
        return op.kind, 1
    if isinstance(op, Add | Mul):
        return op.name, 1
    if isinstance(op, Softmax):
        return "softmax", 2
    if isinstance(op, Pool2d):
        return f"pool_{op.kind}", prod(op.kernel)
    if isinstance(op, Resize2d):
        return "resize", RESIZE_TAPS if op.mode == "linear" else 1
    if isinstance(op, Conv2d) and _is_depthwise(builder, root):
        return "depthwise", prod(graph[graph[root].inputs[1]].type.static_shape[2:])
    if isinstance(op, Concat | Slice | Broadcast):
        return "copy", 1
    if isinstance(op, Transpose) and graph[root].type.rank == 3 and op.perm == (0, 2, 1):
        return "transpose", 1
    before, after = graph[graph[root].inputs[0]].type, graph[root].type
    raise UnsupportedError(
        f"{graph[root].label or root}: {op.name} of {before} to {after} must keep "
        "tokens and channels apart; supported are views that regroup tokens, slices, concatenations and "
        "[B, N, C] <-> [B, C, N]"
    )


def _is_depthwise(builder: Builder, root: str) -> bool:
    types = builder.graph.operand_types(root)
    return types[1].shape[1] == 1


def _has_moments(builder: Builder, value: str) -> bool:
    """Whether the kernel that wrote the value accumulated its moments while draining."""
    name = builder.read(value, INT16_TOKEN, "")
    writers = [k for k in builder.plan.kernels if k.out == name]
    return bool(writers) and isinstance(writers[-1], MatMulKernel) and writers[-1].moments

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
from vitaccel.ir.rows import Window
from vitaccel.ir.views import extent
from vitaccel.passes.convolution import is_depthwise
from vitaccel.passes.lowering.builder import INT16_TOKEN, Builder
from vitaccel.passes.lowering.window import convolution_window, interpolation_window

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
        if not _is_parameter(builder, root, operand)
    )
    shape = extent(graph[tail].type)
    out = builder.produce(tail)
    if function == "copy" and builder.plan.tensors[out].element_bytes < builder.plan.tensors[operands[0]].element_bytes:
        function = "convert"
    builder.emit(
        LaneKernel(
            label=node.label,
            node=root,
            op=node.op.name if not isinstance(node.op, Activation) else node.op.kind,
            function=function,
            out=out,
            macs=graph.macs(root),
            operands=operands,
            frames=shape.frames,
            tokens=shape.tokens,
            channels=shape.channels,
            passes=passes,
            window=_window(builder, root),
            row_wise=_is_row_wise(builder, root),
        )
    )


def _is_row_wise(builder: Builder, root: str) -> bool:
    """Whether rows need only the rows they stand for; one frame for all frames is read again for each."""
    graph = builder.graph
    op = graph[root].op
    if isinstance(op, Broadcast):
        return extent(graph[graph[root].inputs[0]].type).tokens == extent(graph[root].type).tokens
    return not isinstance(op, Concat | Transpose)


def _is_parameter(builder: Builder, root: str, operand: str) -> bool:
    """Whether a constant is a channel parameter of the lanes, and no tensor."""
    graph = builder.graph
    small = graph[operand].type.size <= extent(graph[root].type).channels
    return graph.is_const(operand) and small and not isinstance(graph[root].op, Concat | Broadcast)


def _window(builder: Builder, root: str) -> Window | None:
    """How the output's tokens see the operand's, when not one to one."""
    graph = builder.graph
    node, before = graph[root], graph[graph[root].inputs[0]].type
    if isinstance(node.op, Slice) and before.rank == 3 and node.op.axis == 1:
        return Window(height=before.static_shape[1], width=1, out_width=1, before=-node.op.start)
    if isinstance(node.op, Pool2d):
        return convolution_window(before, node.type, node.op.kernel, node.op.stride, node.op.padding)
    if isinstance(node.op, Conv2d):
        kernel = graph[node.inputs[1]].type.static_shape[2:]
        return convolution_window(before, node.type, kernel, node.op.stride, node.op.padding, node.op.dilation)
    if isinstance(node.op, Resize2d):
        return interpolation_window(before, node.type)
    return None


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
    if is_depthwise(graph, root):
        return "depthwise", prod(graph[graph[root].inputs[1]].type.static_shape[2:])
    if isinstance(op, Concat):
        channels = op.axis == graph[root].type.rank - 1 if graph[root].type.rank < 4 else op.axis == 1
        return "join_channels" if channels else "join_tokens", 1
    if isinstance(op, Slice | Broadcast):
        return "copy", 1
    if isinstance(op, Transpose) and graph[root].type.rank == 3 and op.perm == (0, 2, 1):
        return "transpose", 1
    before, after = graph[graph[root].inputs[0]].type, graph[root].type
    written = "".join(f" (ONNX node {source!r})" for source in sorted(graph[root].sources)[:1])
    raise UnsupportedError(
        f"{graph[root].label or root}: {op.name} of {before} to {after}{written} must keep tokens and "
        "channels apart, as windows of tokens, rotary embeddings and norms of single heads do not; supported are the "
        "removal of axes of one, slices, concatenations and [B, N, C] <-> [B, C, N]"
    )


def _has_moments(builder: Builder, value: str) -> bool:
    """Whether the kernel that wrote the value accumulated its moments while draining."""
    name = builder.read(value, INT16_TOKEN, "")
    writers = [k for k in builder.plan.kernels if k.out == name]
    return bool(writers) and isinstance(writers[-1], MatMulKernel) and writers[-1].moments

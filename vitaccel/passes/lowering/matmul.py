"""Linear, convolution, token mixing, mean and activation-by-activation products as tiled matmuls."""

from __future__ import annotations

from math import prod

import numpy as np

from vitaccel.ir.ops import Activation, Add, Concat, Conv2d, LayerNorm, Linear, MatMul, Mean, TokenMix
from vitaccel.ir.plan import PATCHES, MatMulKernel, ceil_div
from vitaccel.ir.rows import Window
from vitaccel.ir.views import base, extent, real_users
from vitaccel.passes.convolution import is_patch_embedding
from vitaccel.passes.lowering.builder import INT8_CHANNEL, INT8_TOKEN, INT16_TOKEN, Builder
from vitaccel.passes.lowering.window import convolution_window


def lower_matmul(builder: Builder, root: str) -> None:
    """Emit the kernel of a matmul-like root with everything fused behind it."""
    graph, side = builder.graph, builder.arch.array.side
    node, tail = graph[root], builder.tail(root)
    shape = extent(graph[tail].type)
    heads = builder.heads_read(tail, shape.channels)
    k, n_tiles = _depth_and_tiles(builder, root)
    a, b, weight = _operands(builder, root)
    residual = _residual(builder, root)
    out = builder.produce(tail, heads=heads)
    builder.emit(
        MatMulKernel(
            label=node.label,
            node=root,
            op=node.op.name,
            out=out,
            macs=graph.macs(root),
            a=a,
            b=b,
            weight_name=weight,
            residual=residual,
            frames=shape.frames,
            tokens=shape.tokens,
            # Heads that are filled up are read with what fills them: zeros, by rows of zeros.
            k=builder.plan.tensors[a].channels if builder.plan.tensors[a].heads else k,
            n=shape.channels,
            n_tiles=n_tiles if n_tiles else ceil_div(builder.plan.tensors[out].channels, side),
            activation=_activation(builder, root),
            drain=builder.plan.tensors[out].layout,
            moments=any(isinstance(graph[u].op, LayerNorm) for u in real_users(graph, tail)),
            groups=node.op.groups if isinstance(node.op, Conv2d) else 1,
            window=_window(builder, root, a),
        )
    )


def _depth_and_tiles(builder: Builder, root: str) -> tuple[int, int]:
    """K of a root, and its column tiles where groups of a convolution make them more than the columns need (else 0)."""
    node, side = builder.graph[root], builder.arch.array.side
    types = builder.graph.operand_types(root)
    if isinstance(node.op, Conv2d):
        weights = types[1].static_shape
        tiles = node.op.groups * ceil_div(weights[0] // node.op.groups, side) if node.op.groups > 1 else 0
        return prod(weights[1:]), tiles
    if isinstance(node.op, TokenMix | Mean):
        return extent(types[0]).tokens, 0
    return types[0].static_shape[-1], 0


def _operands(builder: Builder, root: str) -> tuple[str, str, str]:
    """A tensor, B tensor (or "") and weight constant (or "") of a root."""
    graph = builder.graph
    node = graph[root]
    if isinstance(node.op, Linear):
        weight = graph[node.inputs[1]]
        name = node.inputs[1] if graph.is_const(node.inputs[1]) else weight.inputs[0]
        return builder.read(node.inputs[0], INT8_TOKEN, node.label), "", name
    if isinstance(node.op, Conv2d):
        return _convolution_input(builder, root), "", node.inputs[1]
    if isinstance(node.op, TokenMix):
        b = builder.read(node.inputs[0], INT8_CHANNEL, node.label)
        return _row_constant(builder, root, node.inputs[1]), b, ""
    if isinstance(node.op, Mean):
        b = builder.read(node.inputs[0], INT8_CHANNEL, node.label)
        tokens = extent(graph[node.inputs[0]].type).tokens
        ones = builder.tensor(
            root, INT8_TOKEN, frames=1, tokens=1, channels=tokens, kind="constant", home="dram", suffix=".ones"
        )
        return ones, b, ""
    assert isinstance(node.op, MatMul)
    a = builder.read(node.inputs[0], INT8_TOKEN, node.label)
    return a, builder.read(node.inputs[1], INT8_CHANNEL, node.label), ""


def _row_constant(builder: Builder, root: str, matrix: str) -> str:
    rows, depth = builder.graph[matrix].type.static_shape
    return builder.tensor(
        root, INT8_TOKEN, frames=1, tokens=rows, channels=depth, kind="constant", home="dram", suffix=".matrix"
    )


def _convolution_input(builder: Builder, root: str) -> str:
    """A patch embedding of the network's input reads windows the host has laid out as tokens; others read tokens."""
    graph = builder.graph
    node = graph[root]
    image = base(graph, node.inputs[0])
    window = graph[node.inputs[1]].type.static_shape
    if not is_patch_embedding(graph, root):
        return builder.read(node.inputs[0], INT8_TOKEN, node.label)
    shape = extent(graph[builder.tail(root)].type)
    name = builder.tensor(
        image,
        INT8_TOKEN,
        frames=shape.frames,
        tokens=shape.tokens,
        channels=int(np.prod(window[1:])),
        kind="input",
        home="dram",
        suffix=PATCHES,
    )
    builder.plan.inputs.append(name)
    return name


def _window(builder: Builder, root: str, a: str) -> Window | None:
    """The window of a convolution whose operand is the image; patches of the input are rows already."""
    node = builder.graph[root]
    if not isinstance(node.op, Conv2d) or builder.plan.tensors[a].name.endswith(PATCHES):
        return None
    op = node.op
    before, weights = builder.graph.operand_types(root)[:2]
    kernel = weights.static_shape[2:]
    return convolution_window(before, node.type, kernel, op.stride, op.padding, op.dilation)


def _activation(builder: Builder, root: str) -> str:
    kinds = [op.kind for name in builder.fused(root) if isinstance(op := builder.graph[name].op, Activation)]
    return kinds[0] if kinds else ""


def _residual(builder: Builder, root: str) -> str:
    """The tensor added at the drain: an earlier activation, or a constant holding positions and joined tokens."""
    graph = builder.graph
    fused, label = builder.fused(root), graph[root].label
    chain = {root, *fused}
    joined = any(isinstance(graph[name].op, Concat) for name in fused)
    for name in fused:
        if not isinstance(graph[name].op, Add):
            continue
        other = next((i for i in graph[name].inputs if base(graph, i) not in chain), None)
        if other is not None and not graph.is_const(other):
            return builder.read(other, INT16_TOKEN, label)
        joined = True
    if not joined:
        return ""
    shape = extent(graph[builder.tail(root)].type)
    return builder.tensor(
        root,
        INT16_TOKEN,
        frames=1,
        tokens=shape.tokens,
        channels=shape.channels,
        kind="constant",
        home="dram",
        suffix=".positions",
    )

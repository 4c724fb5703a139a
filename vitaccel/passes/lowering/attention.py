"""Attention and its transposed reuses."""

from __future__ import annotations

from vitaccel.errors import UnsupportedError
from vitaccel.ir.ops import Add, Attention, AttentionLogits, Linear
from vitaccel.ir.plan import AttentionKernel, LaneKernel, MatMulKernel, ceil_div
from vitaccel.ir.views import base, extent, real_users
from vitaccel.passes.lowering.builder import INT8_CHANNEL, INT8_TOKEN, INT16_TOKEN, Builder


def lower_attention(builder: Builder, root: str) -> None:
    """Emit the kernel of an attention root; the logits are kept on chip when another attention reuses them."""
    graph = builder.graph
    op = graph[root].op
    logits = graph[root].inputs[0]
    logits_op = graph[logits].op
    assert isinstance(op, Attention)
    if not isinstance(logits_op, AttentionLogits):
        raise UnsupportedError(
            f"{graph[root].label}: attention must act on logits of queries and keys, not on {logits}"
        )
    if op.reuse == "head_mean_T":
        _lower_head_mean(builder, root, logits)
        return
    _lower_fused(builder, root, logits, op.reuse)


def _lower_fused(builder: Builder, root: str, logits: str, reuse: str) -> None:
    graph = builder.graph
    node, label = graph[root], graph[root].label
    frames, heads, queries, keys = graph[logits].type.static_shape
    q, k, mask, kept = "", "", "", ""
    macs = graph.macs(root)
    channels = graph[graph[logits].inputs[0]].type.static_shape[-1]
    if reuse == "none":
        q, k = (builder.read(i, INT8_TOKEN, label) for i in graph[logits].inputs[:2])
        mask = builder.read(graph[logits].inputs[2], INT16_TOKEN, label) if len(graph[logits].inputs) > 2 else ""
        macs += graph.macs(logits)
        kept = _keep(builder, logits) if len(graph.users(logits)) > 1 else ""
    else:
        kept = _kept(builder, logits, label)
    v = builder.read(node.inputs[1], INT8_CHANNEL, label)
    residual = _residual(builder, root)
    tail = builder.tail(root)
    builder.emit(
        AttentionKernel(
            label=label,
            node=root,
            op="attention" if reuse == "none" else f"attention_{reuse}",
            out=builder.produce(tail, heads=_heads_of_result(builder, tail, heads, residual)),
            macs=macs,
            q=q,
            k=k,
            v=v,
            logits=kept,
            mask=mask,
            residual=residual,
            mode=reuse,
            frames=frames,
            heads=heads,
            head_dim=channels // heads,
            value_dim=graph[node.inputs[1]].type.static_shape[-1] // heads,
            queries=queries,
            keys=keys,
        )
    )


def _keep(builder: Builder, logits: str) -> str:
    """A tensor for kept logits ``[key/P][head and query][P]``: what a reuse reads as its A operand.

    Where several arrays take a head each, queries of a head stand in its array's part of the buffer; not if they are
    averaged over heads, which are to stand side by side.
    """
    graph, array = builder.graph, builder.arch.array
    frames, heads, queries, keys = graph[logits].type.static_shape
    modes = {op.reuse for user in graph.users(logits) if isinstance(op := graph[user].op, Attention)}
    by_heads = array.count > 1 and "head_mean_T" not in modes
    return builder.tensor(
        logits,
        INT16_TOKEN,
        frames=frames,
        tokens=keys,
        channels=heads * queries,
        heads=heads if by_heads else 0,
    )


def _heads_of_result(builder: Builder, tail: str, heads: int, residual: str) -> int:
    """Heads by which the result stands, each in its array's part of the buffer; 0 if who reads it needs them joined."""
    graph = builder.graph
    users = real_users(graph, tail)
    only_matmuls = all(isinstance(graph[u].op, Linear) and base(graph, graph[u].inputs[0]) == tail for u in users)
    is_output = tail in {base(graph, output) for output in graph.outputs}
    return heads if builder.arch.array.count > 1 and users and only_matmuls and not is_output and not residual else 0


def _kept(builder: Builder, logits: str, label: str) -> str:
    if (logits, INT16_TOKEN) not in builder.forms:
        raise UnsupportedError(f"{label}: reused attention must follow an attention with the same logits")
    return builder.forms[logits, INT16_TOKEN]


def _residual(builder: Builder, root: str) -> str:
    graph = builder.graph
    fused = builder.fused(root)
    for name in fused:
        if isinstance(graph[name].op, Add):
            other = next(i for i in graph[name].inputs if base(graph, i) not in {root, *fused})
            return builder.read(other, INT16_TOKEN, graph[root].label)
    return ""


def _lower_head_mean(builder: Builder, root: str, logits: str) -> None:
    """Average the probabilities over heads in the lanes, then one matmul over all channels."""
    graph = builder.graph
    node, label = graph[root], graph[root].label
    frames, heads, queries, keys = graph[logits].type.static_shape
    kept = _kept(builder, logits, label)
    mean = builder.tensor(root, INT8_TOKEN, frames=frames, tokens=keys, channels=queries, suffix=".mean")
    builder.emit(
        LaneKernel(
            label=f"{label}.mean",
            node=root,
            op="head_mean",
            function="head_mean",
            out=mean,
            operands=(kept,),
            frames=frames,
            tokens=keys,
            channels=heads * queries,
            heads=heads,
        )
    )
    b = builder.read(node.inputs[1], INT8_CHANNEL, label)
    residual = _residual(builder, root)
    tail = builder.tail(root)
    shape = extent(graph[tail].type)
    out = builder.produce(tail)
    builder.emit(
        MatMulKernel(
            label=label,
            node=root,
            op="attention_head_mean_T",
            out=out,
            macs=graph.macs(root),
            a=mean,
            b=b,
            residual=residual,
            frames=frames,
            tokens=keys,
            k=queries,
            n=shape.channels,
            n_tiles=ceil_div(shape.channels, builder.arch.array.side),
            drain=builder.plan.tensors[out].layout,
        )
    )

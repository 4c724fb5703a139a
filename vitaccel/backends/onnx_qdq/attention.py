"""Attention: heads apart, MatMul, Mul, Add, Softmax, MatMul, heads together."""

from __future__ import annotations

from vitaccel.backends.onnx_qdq.emit import Site, emit
from vitaccel.ir import ops


@emit.register
def attention_logits(op: ops.AttentionLogits, site: Site) -> str:
    """``scale * q_h @ k_h^T (+ mask)``."""
    queries = _heads(site, 0, op.heads, (0, 2, 1, 3))
    keys = _heads(site, 1, op.heads, (0, 2, 3, 1))
    logits = site.op("MatMul", queries, keys)
    if op.scale != 1.0:
        logits = site.op("Mul", logits, site.builder.number(op.scale))
    return site.op("Add", logits, site.x(2)) if len(site.node.inputs) == 3 else logits


@emit.register
def attention(op: ops.Attention, site: Site) -> str:
    """Probabilities times values, the probabilities as ``reuse`` says."""
    if op.reuse == "head_mean_T":
        mean = site.op("ReduceMean", _softmax(site), site.builder.ints(1), keepdims=0)
        if site.node.inner_scale:
            mean = site.rounded(mean, site.node.inner_scale[0], "int8", stem=f"{site.stem}.mean")
        return site.op("MatMul", site.transpose(mean, 0, 2, 1), site.x(1))
    if op.reuse == "pre_softmax_T":
        probabilities = site.op("Softmax", site.transpose(site.x(0), 0, 1, 3, 2), axis=-1)
    else:
        probabilities = _softmax(site)
    if op.reuse == "post_softmax_T":
        probabilities = site.transpose(probabilities, 0, 1, 3, 2)
    heads = site.shape_of(0)[1]
    product = site.op("MatMul", probabilities, _heads(site, 1, heads, (0, 2, 1, 3)))
    return site.reshape(site.transpose(product, 0, 2, 1, 3), *site.shape)


def _heads(site: Site, position: int, heads: int, perm: tuple[int, ...]) -> str:
    """An operand [B, N, H d] as [B, N, H, d], its axes in another order."""
    batch, tokens, channels = site.shape_of(position)
    return site.transpose(site.reshape(site.x(position), batch, tokens, heads, channels // heads), *perm)


def _softmax(site: Site) -> str:
    """The softmax of the logits, one for all that use it."""
    key = ("softmax", site.node.inputs[0])
    if key not in site.values.shared:
        site.values.shared[key] = site.op("Softmax", site.x(0), axis=-1)
    return site.values.shared[key]

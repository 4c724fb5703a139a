"""Float meaning of attention: logits once, probabilities applied in any of the four ways of ``reuse``."""

from __future__ import annotations

from torch import Tensor

from vitaccel.backends.float_graph.apply import apply
from vitaccel.ir import ops


@apply.register
def attention_logits(op: ops.AttentionLogits, q: Tensor, k: Tensor, mask: Tensor | None = None) -> Tensor:
    """``scale * q_h @ k_h^T (+ mask)``, [B, H, M, N]; the mask is added, so a boolean one has no place here."""
    logits = op.scale * (_split_heads(q, op.heads) @ _split_heads(k, op.heads).mT)
    return logits if mask is None else logits + mask


@apply.register
def attention(op: ops.Attention, logits: Tensor, v: Tensor) -> Tensor:
    """Probabilities of the logits [B, H, M, N], as ``reuse`` says, times the values."""
    if op.reuse == "head_mean_T":
        return logits.softmax(-1).mean(1).mT @ v
    probabilities = {
        "none": lambda: logits.softmax(-1),
        "post_softmax_T": lambda: logits.softmax(-1).mT,
        "pre_softmax_T": lambda: logits.mT.softmax(-1),
    }[op.reuse]()
    heads = probabilities @ _split_heads(v, logits.shape[1])
    return heads.transpose(1, 2).flatten(2)


def _split_heads(x: Tensor, heads: int) -> Tensor:
    """[B, N, H*d] as [B, H, N, d]."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)

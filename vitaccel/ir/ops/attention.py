"""Attention logits, and what probabilities are applied to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vitaccel.ir.ops.base import Op, need
from vitaccel.ir.types import TensorType


@dataclass(frozen=True)
class AttentionLogits(Op):
    """``scale * q_h @ k_h^T (+ mask)`` for every head. Operands: q[B, M, H*d], k[B, N, H*d], (mask to B, H, M, N)."""

    name: ClassVar[str] = "attention_logits"
    heads: int = 1
    scale: float = 1.0

    def infer(self, *operands: TensorType) -> TensorType:
        q, k = operands[:2]
        need(
            q.rank == 3 and k.rank == 3 and q.shape[2] == k.shape[2], f"attention of {q} and {k} must agree in channels"
        )
        need(q.shape[0] == k.shape[0], f"attention of {q} and {k} must agree in batch")
        need(q.static_shape[2] % self.heads == 0, f"{self.heads} heads must divide {q.shape[2]} channels")
        logits = TensorType((q.shape[0], self.heads, q.shape[1], k.shape[1]))
        for mask in operands[2:]:
            pairs = zip(reversed(mask.shape), reversed(logits.shape), strict=False)
            need(
                mask.rank <= 4 and all(have in (1, want) for have, want in pairs),
                f"attention mask {mask} must broadcast to {logits}",
            )
        return logits

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return result.size * (operands[0].static_shape[2] // self.heads)


REUSES = ("none", "post_softmax_T", "pre_softmax_T", "head_mean_T")


@dataclass(frozen=True)
class Attention(Op):
    """Probabilities of the logits applied to values. Operands: logits[B, H, M, N], v.

    ``reuse`` says how: ``none`` softmax over N, times v[B, N, H*d]; ``post_softmax_T`` the transpose of the softmax
    over N, times v[B, M, H*d] (LookupViT); ``pre_softmax_T`` softmax over M of the transposed logits; ``head_mean_T``
    the transpose of the probabilities averaged over heads, times all channels of v[B, M, D].
    """

    name: ClassVar[str] = "attention"
    reuse: str = "none"

    def infer(self, *operands: TensorType) -> TensorType:
        logits, v = operands
        need(self.reuse in REUSES, f"attention reuse must be one of {', '.join(REUSES)}, not {self.reuse!r}")
        batch, _, m, n = logits.shape
        contracted, kept = (n, m) if self.reuse == "none" else (m, n)
        need(v.rank == 3 and v.shape[1] == contracted, f"attention values {v} must have {contracted} tokens")
        need(v.shape[0] == batch, f"attention of {logits} and {v} must agree in batch")
        own_channels = self.reuse == "head_mean_T" or v.static_shape[2] % logits.static_shape[1] == 0
        need(own_channels, f"{logits.shape[1]} heads must divide {v.shape[2]} channels")
        return TensorType((batch, kept, v.shape[2]))

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return result.size * operands[1].static_shape[1]

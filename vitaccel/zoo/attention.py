"""Multi-head self-attention, fused or separate projections, fused or explicit softmax."""

from __future__ import annotations

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor, nn


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Return ``(B, N, H d)`` as ``(B, H, N, d)``."""
    batch, tokens, width = x.shape
    return x.reshape(batch, tokens, heads, width // heads).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """Return ``(B, H, N, d)`` as ``(B, N, H d)``."""
    batch, heads, tokens, channels = x.shape
    return x.transpose(1, 2).reshape(batch, tokens, heads * channels)


class SelfAttention(nn.Module):
    """``softmax(Q K^T / sqrt d) V`` on H heads, with biases, then an output projection.

    Parameters
    ----------
    width, heads
        Channels D and heads H; ``d = D / H``.
    qkv
        ``fused``: one D x 3D projection, as timm; ``separate``: three, as Hugging Face.
    attention
        ``sdpa``: one call of ``scaled_dot_product_attention``; ``eager``: matmul, scale, softmax, matmul.
    """

    def __init__(self, *, width: int, heads: int, qkv: str, attention: str) -> None:
        super().__init__()
        self.heads = heads
        self.attention = attention
        self.fused = qkv == "fused"
        if self.fused:
            self.qkv = nn.Linear(width, 3 * width)
        else:
            self.q = nn.Linear(width, width)
            self.k = nn.Linear(width, width)
            self.v = nn.Linear(width, width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self._project(x)
        if self.attention == "sdpa":
            mixed = F.scaled_dot_product_attention(q, k, v)
        else:
            logits = (q @ k.transpose(-2, -1)) * q.shape[-1] ** -0.5
            mixed = logits.softmax(dim=-1) @ v
        out: Tensor = self.proj(merge_heads(mixed))
        return out

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if not self.fused:
            return (
                split_heads(self.q(x), self.heads),
                split_heads(self.k(x), self.heads),
                split_heads(self.v(x), self.heads),
            )
        batch, tokens, width = x.shape
        q, k, v = (
            self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        )
        return q, k, v

    def canonical(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every parameter under its ``separate`` name, as a view when the projection is fused."""
        if not self.fused:
            yield from self.named_parameters()
            return
        for kind in ("weight", "bias"):
            for name, part in zip("qkv", getattr(self.qkv, kind).chunk(3), strict=True):
                yield f"{name}.{kind}", part
            yield f"proj.{kind}", getattr(self.proj, kind)

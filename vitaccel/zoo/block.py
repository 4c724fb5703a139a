"""The pre-norm transformer block and its MLP."""

from __future__ import annotations

from torch import Tensor, nn

from vitaccel.zoo.activation import Gelu
from vitaccel.zoo.attention import SelfAttention

LAYER_NORM_EPS = 1e-6
"""Epsilon of every LayerNorm in the zoo (timm, M3ViT and Edge-MoE agree)."""


def layer_norm(width: int) -> nn.LayerNorm:
    """Return the affine LayerNorm of the zoo."""
    return nn.LayerNorm(width, eps=LAYER_NORM_EPS)


class Mlp(nn.Module):
    """``W2 gelu(W1 x + b1) + b2``."""

    def __init__(self, *, width: int, hidden: int, gelu: str) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.act = Gelu(gelu)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(self.act(self.fc1(x)))
        return out


class Block(nn.Module):
    """``x += attention(LN1(x)); x += mlp(LN2(x))``."""

    def __init__(self, *, width: int, heads: int, hidden: int, qkv: str, attention: str, gelu: str) -> None:
        super().__init__()
        self.norm1 = layer_norm(width)
        self.attn = SelfAttention(width=width, heads=heads, qkv=qkv, attention=attention)
        self.norm2 = layer_norm(width)
        self.mlp = Mlp(width=width, hidden=hidden, gelu=gelu)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out

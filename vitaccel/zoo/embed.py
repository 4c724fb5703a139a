"""Image to tokens: patch projection, prefix tokens, learned positions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

IMAGE_CHANNELS = 3
"""Red, green and blue."""


class PatchEmbed(nn.Module):
    """P x P convolution of stride P, flattened: ``(B, C, H, W)`` to ``(B, H W / P^2, D)``."""

    def __init__(self, *, width: int, patch: int, channels: int = IMAGE_CHANNELS) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, kernel_size=patch, stride=patch)

    def forward(self, image: Tensor) -> Tensor:
        features: Tensor = self.proj(image)
        return features.flatten(2).transpose(1, 2)


def with_prefix(tokens: Tensor, *prefix: Tensor) -> Tensor:
    """Return ``tokens`` behind learned tokens of shape ``(1, n, D)``, repeated over the batch."""
    batch = tokens.shape[0]
    return torch.cat([*(token.expand(batch, -1, -1) for token in prefix), tokens], dim=1)


def learned(*shape: int) -> nn.Parameter:
    """Return a parameter whose value the weight initialiser sets."""
    return nn.Parameter(torch.zeros(shape))

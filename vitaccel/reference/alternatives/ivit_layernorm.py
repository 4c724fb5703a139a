"""I-ViT's integer LayerNorm: ten Newton steps for the square root."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.ibert_layernorm import centered

START = 1 << 16
"""Where the iteration begins, whatever the variance."""

LARGEST = (1 << 31) - 1
"""The reciprocal of the deviation is ``floor(LARGEST / deviation)``."""


@dataclass(frozen=True)
class IVitLayerNorm:
    """LayerNorm of Z. Li and Q. Gu, I-ViT (ICCV 2023), before its affine part.

    ``y = x - round(mean)``; ``k = floor((k + floor(sum of y^2 / k)) / 2)`` ten times from ``k = 2^16``;
    ``f = floor((2^31 - 1) / k)`` and ``floor(y f / 2)``, worth ``sqrt(C) / 2^30``, as in the class IntLayerNorm of the
    repository zkkli/I-ViT. Ten steps halve 2^16 to 64 and no further: rows of a small deviation come out too small.
    Ties of the mean go up here and to even there.

    Parameters
    ----------
    channels
        C, elements of a row.
    steps
        Newton steps, 10 as published.

    Raises
    ------
    NumericsError
        If there is no channel, or *steps* is not 1 to 16.
    """

    channels: int
    steps: int = 10

    def __post_init__(self) -> None:
        if self.channels < 1:
            raise NumericsError(f"channels of I-ViT's LayerNorm must be at least 1, not {self.channels}")
        if not 1 <= self.steps <= 16:
            raise NumericsError(f"steps of I-ViT's LayerNorm must be 1 to 16, not {self.steps}")

    @property
    def output_scale(self) -> float:
        """What one unit of the result is worth."""
        return sqrt(self.channels) / (1 << 30)

    def compute(self, x: Tensor) -> Tensor:
        """Return int64 rows of mean 0 and deviation 1."""
        y = centered(x)
        squares = (y**2).sum(-1, keepdim=True)
        k = torch.full_like(squares, START)
        for _ in range(self.steps):
            k = (k + squares // k) >> 1
        return (y * (LARGEST // k)) >> 1

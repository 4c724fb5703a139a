"""I-BERT's integer LayerNorm: a rounded mean and an exact integer square root."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.fixed_point import as_int64

VARIANCE_BITS = 32
"""The sum of squares must fit an unsigned word."""

RECIPROCAL_FRACTION = 31
"""The reciprocal of the deviation is ``floor(2**31 / deviation)``."""


@dataclass(frozen=True)
class IBertLayerNorm:
    """LayerNorm of S. Kim et al., I-BERT (ICML 2021), before its affine part.

    ``y = x - round(mean)``, ``std = floor(sqrt(sum of floor(y / 2^shift)^2)) * 2^shift``, ``f = floor(2^31 / std)``
    and ``floor(y f / 2)``, worth ``sqrt(C) / 2^30``, as in the class IntLayerNorm of the repository kssteven418/I-BERT.
    That adds 0.0001 to std against a division by zero; here a deviation of 0 gives 0. Ties of the mean go up here and
    to even there.

    Parameters
    ----------
    channels
        C, elements of a row.
    shift
        Bits given up so that the sum of squares fits 32 bits.

    Raises
    ------
    NumericsError
        If there is no channel, or *shift* is not 0 to 15.
    """

    channels: int
    shift: int = 0

    def __post_init__(self) -> None:
        if self.channels < 1:
            raise NumericsError(f"channels of I-BERT's LayerNorm must be at least 1, not {self.channels}")
        if not 0 <= self.shift <= 15:
            raise NumericsError(f"shift of I-BERT's LayerNorm must be 0 to 15 bits, not {self.shift}")

    @property
    def output_scale(self) -> float:
        """What one unit of the result is worth."""
        return sqrt(self.channels) / (1 << RECIPROCAL_FRACTION - 1)

    def compute(self, x: Tensor) -> Tensor:
        """Return int64 rows of mean 0 and deviation 1.

        Raises
        ------
        NumericsError
            If a sum of squares needs more than 32 bits; a larger *shift* gives them.
        """
        y = centered(x)
        squares = ((y >> self.shift) ** 2).sum(-1, keepdim=True)
        if squares.numel() and int(squares.max()) >> VARIANCE_BITS:
            raise NumericsError(f"sums of squares must fit {VARIANCE_BITS} bits, not {int(squares.max())}: raise shift")
        deviation = integer_sqrt(squares) << self.shift
        factor = torch.where(deviation > 0, (1 << RECIPROCAL_FRACTION) // deviation.clamp(min=1), 0)
        return (y * factor) >> 1


def centered(x: Tensor) -> Tensor:
    """Return rows without their mean, which is rounded to an integer, half up."""
    x = as_int64(x)
    channels = x.shape[-1]
    return x - (2 * x.sum(-1, keepdim=True) + channels) // (2 * channels)


def integer_sqrt(x: Tensor) -> Tensor:
    """Return ``floor(sqrt(x))`` of int64 integers of 0 to 2**62 - 1, one bit of the root after another."""
    root = torch.zeros_like(x)
    for place in range(30, -1, -1):
        tried = root | 1 << place
        root = torch.where(tried * tried <= x, tried, root)
    return root

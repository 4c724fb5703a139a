"""ITA's ITAMax: exponentials that are shifts."""

from __future__ import annotations

from dataclasses import dataclass
from math import e, log, log2
from typing import Self

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.method import check_scale
from vitaccel.reference.fixed_point import as_int64, round_shift

ONE = 256
"""The exponential of the maximum."""

INVERSE_NUMERATOR = 255 * 256
"""The reciprocal of the sum is ``floor(65280 / sum)``."""

SLICE_KEYS = 16
"""Logits that arrive in one cycle."""

MULTIPLIER_SHIFT = 16
"""Shift after the multiplier of :meth:`ItaSoftmax.layer`."""


@dataclass(frozen=True)
class ItaSoftmax:
    """Softmax of G. Islamoglu et al., "ITA: An Energy-Efficient Attention and Softmax Accelerator" (ISLPED 2023).

    16 logits at a time: ``sum = (sum >> octaves(max_new - max)) + sum of (256 >> octaves(max_new - q))``, then
    ``p = floor(65280 / sum) >> octaves(max - q)`` in 8 bits, with ``octaves(d)`` the distance in powers of two rounded
    half up. Formula and slices are those of the Python model of the repository pulp-platform/ITA.

    Parameters
    ----------
    scale
        What one code of the logit port is worth.
    multiplier, shift
        ``octaves(d) = (d * multiplier + 2^(shift - 1)) >> shift``.

    Raises
    ------
    NumericsError
        If a parameter is out of its range.
    """

    scale: float
    multiplier: int
    shift: int

    logit_bits = 8
    output_bits = 8

    def __post_init__(self) -> None:
        check_scale(self.scale, 2.0**-16, "ITAMax")
        if not 1 <= self.multiplier < 1 << 32:
            raise NumericsError(f"multiplier of ITAMax must be 1 to 2**32 - 1, not {self.multiplier}")
        if not 0 <= self.shift <= 31:
            raise NumericsError(f"shift of ITAMax must be 0 to 31 bits, not {self.shift}")

    @classmethod
    def paper(cls) -> Self:
        """As in the paper: eight octaves over 256 codes, so that logits beyond 2.77 are clipped."""
        return cls(8 / 256 / log2(e), 1, 5)

    @classmethod
    def head(cls) -> Self:
        """As the newest repository configures it: a code is an octave."""
        return cls(log(2), 1, 0)

    @classmethod
    def layer(cls, scale: float) -> Self:
        """The same machine with a multiplier before its shifter, for logits on any *scale*: our variant."""
        return cls(scale, max(round(scale * log2(e) * (1 << MULTIPLIER_SHIFT)), 1), MULTIPLIER_SHIFT)

    @property
    def logit_scale(self) -> float:
        """What one code of the logit port is worth."""
        return self.scale

    @property
    def output_scale(self) -> float:
        """What one unit of the result is worth."""
        return 1 / ONE

    def octaves(self, distance: Tensor) -> Tensor:
        """Return a distance from the maximum in octaves, at most 63."""
        return round_shift(distance * self.multiplier, self.shift).clamp(max=63)

    def compute(self, logits: Tensor) -> Tensor:
        """Return int64 probabilities over the last dimension."""
        q = as_int64(logits)
        maximum = q[..., :1].new_full((*q.shape[:-1], 1), -128)
        total = torch.zeros_like(maximum)
        for part in torch.split(q, SLICE_KEYS, -1):
            new = torch.maximum(maximum, part.amax(-1, keepdim=True))
            total = (total >> self.octaves(new - maximum)) + (ONE >> self.octaves(new - part)).sum(-1, keepdim=True)
            maximum = new
        return (INVERSE_NUMERATOR // total) >> self.octaves(maximum - q)

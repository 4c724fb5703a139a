"""SOLE's E2Softmax: exponentials in four bits and a division by leading ones."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log2
from typing import Self

from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.method import check_bits, floor_log2
from vitaccel.reference.fixed_point import as_int64, round_shift

CODE_MAX = 15
"""Largest exponent of an exponential: four bits."""

LOW, HIGH = 1.636, 1.136
"""What the mantissa of the reciprocal is taken for when the sum's is below, or at least, 1.5."""

CONSTANT_FRACTION = 15
"""Fraction bits of these two: our reading."""


@dataclass(frozen=True)
class SoleSoftmax:
    """Softmax of W. Wang et al., "SOLE: Hardware-Software Co-design of Softmax and LayerNorm" (ICCAD 2023).

    ``k = round(d + d/2 - d/16)`` in four bits stands for exp(-d); ``sum of 2^-k`` has its leading one at place ``ks``,
    and ``p = 2^-(k + ks + 1)`` times 1.636 or 1.136. Only the abstract was at hand; the constants are second-hand, and
    the power-of-two scale of the port, rounding half up and exact sums are our reading. The running maximum of the
    original changes k by its rounding only.

    Parameters
    ----------
    fraction
        Fraction bits of the logits (base e), 0 to 15.
    output_bits
        Fraction bits of the probabilities, 4 to 16.

    Raises
    ------
    NumericsError
        If a parameter is out of its range.
    """

    fraction: int
    output_bits: int = 8

    logit_bits = 8

    def __post_init__(self) -> None:
        if not 0 <= self.fraction <= 15:
            raise NumericsError(f"fraction of E2Softmax must be 0 to 15 bits, not {self.fraction}")
        check_bits(self.output_bits, 4, 16, "probabilities of E2Softmax")

    @classmethod
    def for_largest(cls, largest: float, output_bits: int = 8) -> Self:
        """Return the finest port whose int8 codes hold logits up to *largest* without clipping."""
        return cls(min(max(floor(log2(127 / largest)), 0), 15) if largest else 15, output_bits)

    @property
    def logit_scale(self) -> float:
        """What one code of the logit port is worth."""
        return 2.0**-self.fraction

    @property
    def output_scale(self) -> float:
        """What one unit of the result is worth."""
        return 2.0**-self.output_bits

    def compute(self, logits: Tensor) -> Tensor:
        """Return int64 probabilities over the last dimension."""
        q = as_int64(logits)
        d = q.amax(-1, keepdim=True) - q
        # 16 d + 8 d - d: the three shifts of the paper without their truncations.
        k = round_shift(23 * d, self.fraction + 4).clamp(max=CODE_MAX)
        total = (1 << (CODE_MAX - k)).sum(-1, keepdim=True)
        place = floor_log2(total)
        upper = 2 * total >= 3 << place
        low, high = (round(constant * (1 << CONSTANT_FRACTION)) for constant in (LOW, HIGH))
        mantissa = low + (high - low) * upper
        return round_shift(mantissa << self.output_bits, k + place - CODE_MAX + 1 + CONSTANT_FRACTION)

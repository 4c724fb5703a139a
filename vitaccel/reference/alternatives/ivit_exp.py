"""I-ViT's shift-only exponential."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import floor

from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.method import check_bits, check_scale
from vitaccel.reference.fixed_point import as_int64

RESULT_BITS = 62
"""Widest exponential that int64 arithmetic takes."""


@dataclass(frozen=True)
class IVitExp:
    """exp by shifts and additions, from Z. Li and Q. Gu, "I-ViT" (ICCV 2023), the function ShiftExp.

    ``p = x + floor(x / 2) - floor(x / 16)`` takes 1.4375 for log2(e); with ``x0 = floor(-1 / scale)``,
    ``k = floor(p / x0)`` and ``r = p - x0 k`` the result is ``floor((r / 2 - x0) * 2^(n - k))``, so the fraction of the
    power of two is a straight line. Inputs whose p is below ``n x0`` count as ``n x0``. Formula and clamp are those of
    the repository zkkli/I-ViT.

    Parameters
    ----------
    scale
        What one unit of the input is worth.
    n
        Octaves that are kept: 15 in the softmax, 23 in ShiftGELU.

    Raises
    ------
    NumericsError
        If the scale is below 2**-24, or *n* is not 1 to 30.
    """

    scale: float
    n: int = 15

    def __post_init__(self) -> None:
        check_scale(self.scale, 2.0**-24, "the shift exponential")
        check_bits(self.n, 1, 30, "octaves of the shift exponential")

    @cached_property
    def x0(self) -> int:
        """Minus one in units of the input, rounded down: one octave of p."""
        return floor(-1.0 / self.scale)

    @property
    def output_scale(self) -> float:
        """What one unit of the result is worth."""
        return self.scale / float(1 << self.n)

    def compute(self, x: Tensor) -> Tensor:
        """Return exp of integers, as int64.

        Raises
        ------
        NumericsError
            If an exponential outgrows 62 bits, which only large positive inputs do.
        """
        x = as_int64(x)
        p = (x + (x >> 1) - (x >> 4)).clamp(min=self.n * self.x0)
        k = p // self.x0
        r = p - self.x0 * k
        shift = self.n - k
        widest = int(shift.max()) + (-2 * self.x0).bit_length() if shift.numel() else 0
        if widest > RESULT_BITS:
            raise NumericsError(f"results of the shift exponential must fit {RESULT_BITS} bits, not {widest}")
        return ((r - 2 * self.x0) << shift) >> 1

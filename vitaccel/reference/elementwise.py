"""Sums and products of two tensors of different scales, each rounded once."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isfinite

from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.fixed_point import LONGEST_SHIFT, as_int64, round_shift, saturate
from vitaccel.reference.real_function import round_half_up
from vitaccel.reference.requantize import MULTIPLIER_LIMIT, Requantize


@dataclass(frozen=True)
class AddScaled:
    """``saturate(round_shift(a * multiplier_a + b * multiplier_b, shift), bits)``.

    Widths, for operands of 16 bits: a product has 33, their sum 34.

    Parameters
    ----------
    multiplier_a, multiplier_b
        Signed, 18 bits. They share the shift, so each is exact to ``2**-(shift + 1)``; what that costs is at most
        ``32768 / 2**(shift + 1)`` output steps, a quarter of one where no operand is coarser than the output.
    shift
        0 to 63.
    bits
        Width of the signed result, 2 to 32.

    Raises
    ------
    NumericsError
        If a field is out of its range.
    """

    multiplier_a: int
    multiplier_b: int
    shift: int
    bits: int = 16

    def __post_init__(self) -> None:
        for multiplier in (self.multiplier_a, self.multiplier_b):
            if not -MULTIPLIER_LIMIT < multiplier < MULTIPLIER_LIMIT:
                raise NumericsError(f"multiplier of a sum must be within ±{MULTIPLIER_LIMIT - 1}, not {multiplier}")
        if not 0 <= self.shift <= LONGEST_SHIFT:
            raise NumericsError(f"shift of a sum must be 0 to {LONGEST_SHIFT}, not {self.shift}")
        if not 2 <= self.bits <= 32:
            raise NumericsError(f"a sum must have 2 to 32 bits, not {self.bits}")

    @classmethod
    def from_scale(cls, a_scale: float, b_scale: float, out_scale: float, bits: int = 16) -> AddScaled:
        """Return the sum of operands whose steps are worth *a_scale* and *b_scale*, in steps of *out_scale*.

        The shift is the longest at which both multipliers fit: the larger has its 17 bits of magnitude.

        Raises
        ------
        NumericsError
            If a scale is not positive and finite, or an operand is coarser than 2**17 output steps.
        """
        _check_scales("sum", a_scale, b_scale, out_scale)
        a, b = (Fraction(float(scale)) / Fraction(float(out_scale)) for scale in (a_scale, b_scale))
        for shift in range(LONGEST_SHIFT, -1, -1):
            multiplier_a, multiplier_b = (round_half_up(ratio * 2**shift) for ratio in (a, b))
            if max(multiplier_a, multiplier_b) < MULTIPLIER_LIMIT:
                return cls(multiplier_a, multiplier_b, shift, bits)
        ratio = float(max(a, b))
        raise NumericsError(f"operands of a sum must be finer than {MULTIPLIER_LIMIT} output steps, not {ratio:.6g}")

    def compute(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the sum; int64 codes of *bits* bits.

        Parameters
        ----------
        a, b
            Codes of at most 16 bits, of shapes that broadcast.
        """
        total = as_int64(a) * self.multiplier_a + as_int64(b) * self.multiplier_b
        return saturate(round_shift(total, self.shift), self.bits)


@dataclass(frozen=True)
class Multiply:
    """``saturate(round_shift(a * b * multiplier, shift), bits)``.

    Widths, for operands of 16 bits: the product has 32, an accumulator, which is then requantized to 49 bits and less.

    Parameters
    ----------
    requantize
        What follows the product.
    """

    requantize: Requantize

    @classmethod
    def from_scale(cls, a_scale: float, b_scale: float, out_scale: float, bits: int = 16) -> Multiply:
        """Return the product of operands whose steps are worth *a_scale* and *b_scale*, in steps of *out_scale*.

        Raises
        ------
        NumericsError
            If a scale is not positive and finite, or a step of the product is worth 2**17 output steps or more.
        """
        _check_scales("product", a_scale, b_scale, out_scale)
        return cls(Requantize.from_scale(float(a_scale) * float(b_scale) / float(out_scale), bits))

    def compute(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the product; int64 codes of ``requantize.bits`` bits.

        Parameters
        ----------
        a, b
            Codes of at most 16 bits, of shapes that broadcast.
        """
        return self.requantize.compute(as_int64(a) * as_int64(b))


def _check_scales(what: str, *scales: float) -> None:
    for scale in scales:
        if not (isfinite(scale) and scale > 0):
            raise NumericsError(f"scales of a {what} must be positive and finite, not {scale}")

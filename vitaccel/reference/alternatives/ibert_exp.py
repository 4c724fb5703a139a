"""I-BERT's i-exp: a parabola on one octave and a shift."""

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

LN2 = 0.6931
"""ln 2 with the digits of the published code."""

A, B, C = 0.35815147, 0.96963238, 1.0
"""exp(p) is taken for ``A p^2 + B p + C`` on ``(-ln 2, 0]``."""


@dataclass(frozen=True)
class IBertExp:
    """exp of integers up to 0, from S. Kim et al., "I-BERT: Integer-only BERT Quantization" (ICML 2021), algorithm 2.

    The constants are integers on the grid of the input: ``x0 = floor(-ln2 / scale)``, ``b = floor(B / A / scale)``,
    ``c = floor(C / A / scale^2)``. With ``z = floor(x / x0)`` and ``r = x - x0 z`` the result is
    ``(r (r + b) + c) * 2^(n - z)``, inputs below ``n x0`` counting as ``n x0``. Formula and constants are those of the
    repository kssteven418/I-BERT.

    Parameters
    ----------
    scale
        What one unit of the input is worth.
    n
        Octaves that are kept, 30 as published.

    Raises
    ------
    NumericsError
        If the scale is below 2**-20, or *n* is not 1 to 30.
    """

    scale: float
    n: int = 30

    def __post_init__(self) -> None:
        check_scale(self.scale, 2.0**-20, "i-exp")
        check_bits(self.n, 1, 30, "octaves of i-exp")

    @cached_property
    def x0(self) -> int:
        """Minus one octave in units of the input, rounded down."""
        return floor(-LN2 / self.scale)

    @cached_property
    def constants(self) -> tuple[int, int]:
        """The integers b and c of the parabola."""
        return floor(B / A / self.scale), floor(C / A / self.scale**2)

    @property
    def output_scale(self) -> float:
        """What one unit of :meth:`compute` is worth."""
        return A * self.scale**2 / float(1 << self.n)

    def octaves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the parabola and z, of which the exponential is ``parabola * 2^(n - z)``."""
        b, c = self.constants
        x = as_int64(x).clamp(min=self.n * self.x0)
        z = x // self.x0
        r = x - self.x0 * z
        return (r * (r + b) + c).clamp(min=0), z

    def compute(self, x: Tensor) -> Tensor:
        """Return exp of integers that are 0 or less, as int64.

        Raises
        ------
        NumericsError
            If exp(0), which is ``c 2^n``, outgrows 62 bits: below a scale of 2**-15 with 30 octaves.
        """
        widest = self.constants[1].bit_length() + self.n
        if widest > RESULT_BITS:
            raise NumericsError(f"results of i-exp must fit {RESULT_BITS} bits, not {widest}")
        parabola, z = self.octaves(x)
        return parabola << (self.n - z)

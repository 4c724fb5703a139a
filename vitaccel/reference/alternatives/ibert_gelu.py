"""I-BERT's i-GELU: erf as a clipped parabola."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import floor

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.method import check_scale
from vitaccel.reference.fixed_point import as_int64

A, B = -0.2888, -1.769
"""erf(x) is taken for ``sgn(x) (A (min(|x|, -B) + B)^2 + 1)``."""

SQRT2 = 1.4142
"""The square root of 2 with the digits of the published code."""


@dataclass(frozen=True)
class IBertGelu:
    """GELU of S. Kim et al., I-BERT (ICML 2021), as in the class IntGELU of the repository kssteven418/I-BERT.

    On the grid ``S = scale / sqrt 2`` with ``b = floor(B / S)`` and ``c = floor(1 / A / S^2)``: ``erf = floor(sgn(x)
    ((min(|x|, -b) + b)^2 + c) / 2^n)``, ``one = floor(1 / (S^2 A 2^n))`` and the result ``x (erf + one)``.

    Parameters
    ----------
    scale
        What one code of the input is worth.
    n
        Bits that the parabola loses, 14 as published: with 8-bit inputs nothing is left of it. 0 is the same formula
        without that truncation.

    Raises
    ------
    NumericsError
        If the scale is below 2**-20, or *n* is not 0 to 30.
    """

    scale: float
    n: int = 14

    def __post_init__(self) -> None:
        check_scale(self.scale, 2.0**-20, "i-GELU")
        if not 0 <= self.n <= 30:
            raise NumericsError(f"i-GELU must lose 0 to 30 bits, not {self.n}")

    @cached_property
    def constants(self) -> tuple[int, int, int]:
        """The integers b, c and one."""
        grid = self.scale / SQRT2
        return floor(B / grid), floor(1 / A / grid**2), floor(1 / (grid**2 * A * (1 << self.n)))

    @property
    def output_scale(self) -> float:
        """What one unit of the result is worth: negative, as published, and so are the integers it belongs to."""
        return self.scale * (self.scale / SQRT2) ** 2 * A * (1 << self.n) / 2

    def compute(self, x: Tensor) -> Tensor:
        """Return int64 results, element by element."""
        x = as_int64(x)
        b, c, one = self.constants
        parabola = torch.sign(x) * ((x.abs().clamp(max=-b) + b) ** 2 + c)
        return x * ((parabola >> self.n) + one)

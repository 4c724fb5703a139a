"""ITA's GELU: i-GELU on int8 with 16-bit constants."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import torch
from torch import Tensor

from vitaccel.reference.alternatives.ibert_gelu import A, B
from vitaccel.reference.alternatives.method import check_scale
from vitaccel.reference.fixed_point import as_int64

SMALLEST_SCALE = sqrt(2 / -A / (1 << 15))
"""Below it, ``1 / (A S^2)`` does not fit 16 bits."""


@dataclass(frozen=True)
class ItaGelu:
    """GELU of the repository pulp-platform/ITA: I-BERT's parabola, nothing truncated, constants rounded to 16 bits.

    ``b = round(B / S)``, ``c = one = round(1 / (A S^2))`` with ``S = scale / sqrt 2``; the result ``x (erf + one)`` has
    26 bits. Ties of the rounding go to even, as NumPy's do.

    Parameters
    ----------
    scale
        What one code of the int8 input is worth.

    Raises
    ------
    NumericsError
        If the constants do not fit 16 bits.
    """

    scale: float

    def __post_init__(self) -> None:
        check_scale(self.scale, SMALLEST_SCALE, "ITA's GELU")

    @cached_property
    def constants(self) -> tuple[int, int]:
        """The integers b and c; ``one`` is c."""
        grid = self.scale / sqrt(2)
        return round(B / grid), round(1 / (A * grid**2))

    @property
    def output_scale(self) -> float:
        """What one unit of the result is worth: negative, and so are the integers it belongs to."""
        return self.scale * self.scale**2 / 2 * A / 2

    def compute(self, x: Tensor) -> Tensor:
        """Return int64 results, element by element; -128 counts as -127."""
        x = as_int64(x).clamp(min=-127)
        b, c = self.constants
        erf = torch.sign(x) * ((x.abs().clamp(max=-b) + b) ** 2 + c)
        return x * (erf + c)

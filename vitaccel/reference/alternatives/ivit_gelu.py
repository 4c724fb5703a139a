"""I-ViT's ShiftGELU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from vitaccel.reference.alternatives.ivit_exp import IVitExp
from vitaccel.reference.alternatives.ivit_softmax import LARGEST
from vitaccel.reference.alternatives.method import check_bits
from vitaccel.reference.fixed_point import as_int64

SLOPE = 1.702
"""GELU is taken for ``x sigmoid(1.702 x)``."""


@dataclass(frozen=True)
class IVitGelu:
    """GELU of Z. Li and Q. Gu, I-ViT (ICCV 2023), as in the class IntGELU of the repository zkkli/I-ViT.

    ``sigmoid = e^(x - max) / (e^(x - max) + e^(-max))`` with :class:`IVitExp` on the scale ``1.702 scale``, the maximum
    of the whole row, the sum saturated at ``2^31 - 1``, ``f = floor((2^31 - 1) / sum)`` and
    ``floor(e f / 2^(32 - output_bits))``; the result is x times that.

    Parameters
    ----------
    scale
        What one code of the input is worth.
    output_bits
        Width of the sigmoid, sign bit included, 2 to 16; 8 as published.
    n
        Octaves of the exponential, 23 as published.

    Raises
    ------
    NumericsError
        If a parameter is out of its range.
    """

    scale: float
    output_bits: int = 8
    n: int = 23

    def __post_init__(self) -> None:
        check_bits(self.output_bits, 2, 16, "the sigmoid of ShiftGELU")
        _ = self.exponential

    @cached_property
    def exponential(self) -> IVitExp:
        """The exponential function on 1.702 times the scale."""
        return IVitExp(self.scale * SLOPE, self.n)

    @property
    def output_scale(self) -> float:
        """What one unit of the result is worth."""
        return self.scale * 2.0 ** (1 - self.output_bits)

    def compute(self, x: Tensor) -> Tensor:
        """Return int64 results; the last dimension is the hidden vector whose maximum is taken."""
        x = as_int64(x)
        largest = x.amax(-1, keepdim=True)
        e = self.exponential.compute(x - largest)
        total = (e + self.exponential.compute(-largest)).clamp(max=LARGEST)
        return x * ((e * (LARGEST // total)) >> (32 - self.output_bits))

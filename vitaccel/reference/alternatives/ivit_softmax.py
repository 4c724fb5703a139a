"""I-ViT's Shiftmax."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from vitaccel.reference.alternatives.ivit_exp import IVitExp
from vitaccel.reference.alternatives.method import check_bits
from vitaccel.reference.fixed_point import as_int64

LARGEST = (1 << 31) - 1
"""What sums saturate at, and the numerator of the reciprocal."""


@dataclass(frozen=True)
class IVitSoftmax:
    """Softmax of Z. Li and Q. Gu, I-ViT (ICCV 2023), as in the class IntSoftmax of the repository.

    Exponentials of ``q - max`` by :class:`IVitExp`, their sum saturated at ``2^31 - 1``,
    ``f = floor((2^31 - 1) / sum)`` and ``p = floor(e f / 2^(32 - output_bits))``, which is worth
    ``2^-(output_bits - 1)``: the sign bit is never used.

    Parameters
    ----------
    scale
        What one code of the logit port is worth.
    output_bits
        Width of the probabilities, sign bit included, 2 to 16; 8 and 16 are published.
    n
        Octaves of the exponential, 15 as published; a port finer than 8 bits needs fewer, or sums saturate.
    logit_bits
        Signed width of the port, 8 as published.

    Raises
    ------
    NumericsError
        If a parameter is out of its range.
    """

    scale: float
    output_bits: int = 8
    n: int = 15
    logit_bits: int = 8

    def __post_init__(self) -> None:
        check_bits(self.output_bits, 2, 16, "probabilities of I-ViT")
        check_bits(self.logit_bits, 2, 16, "logits of I-ViT")
        _ = self.exponential

    @cached_property
    def exponential(self) -> IVitExp:
        """The exponential function on this scale."""
        return IVitExp(self.scale, self.n)

    @property
    def logit_scale(self) -> float:
        """What one code of the logit port is worth."""
        return self.scale

    @property
    def output_scale(self) -> float:
        """What one unit of the result is worth."""
        return 2.0 ** (1 - self.output_bits)

    def compute(self, logits: Tensor) -> Tensor:
        """Return int64 probabilities over the last dimension."""
        logits = as_int64(logits)
        e = self.exponential.compute(logits - logits.amax(-1, keepdim=True))
        f = LARGEST // e.sum(-1, keepdim=True).clamp(max=LARGEST)
        return (e * f) >> (32 - self.output_bits)

"""I-BERT's integer softmax: i-exp, 16 bits, and one division a row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from vitaccel.reference.alternatives.ibert_exp import IBertExp
from vitaccel.reference.alternatives.method import check_bits
from vitaccel.reference.fixed_point import as_int64

EXP_MAX = (1 << 15) - 1
"""The exponential after QuantAct(16): exp(0) is the largest code."""

VANISHED = 17
"""From this octave on an exponential of 16 bits is rounded to 0."""

NUMERATOR_BITS = 32
"""The reciprocal of the sum is ``floor(2**32 / sum)``."""


@dataclass(frozen=True)
class IBertSoftmax:
    """Softmax of S. Kim et al., I-BERT (ICML 2021), as in the class IntSoftmax of the repository.

    Exponentials of ``q - max`` by :class:`IBertExp`, requantized to 16 bits, ``f = floor(2^32 / sum)`` and
    ``p = floor(e f / 2^(32 - output_bits))``. The requantization is exact here where the repository multiplies by a
    31-bit dyadic number, and its range is that of exp(0), where the repository keeps a running maximum: our reading.

    Parameters
    ----------
    scale
        What one code of the logit port is worth.
    output_bits
        Fraction bits of the probabilities, 2 to 16; 8 and 16 are published.
    logit_bits
        Signed width of the port, 8 as published.

    Raises
    ------
    NumericsError
        If a parameter is out of its range.
    """

    scale: float
    output_bits: int = 8
    logit_bits: int = 8

    def __post_init__(self) -> None:
        check_bits(self.output_bits, 2, 16, "probabilities of I-BERT")
        check_bits(self.logit_bits, 2, 16, "logits of I-BERT")
        _ = self.exponential

    @cached_property
    def exponential(self) -> IBertExp:
        """The exponential function on this scale."""
        return IBertExp(self.scale)

    @property
    def logit_scale(self) -> float:
        """What one code of the logit port is worth."""
        return self.scale

    @property
    def output_scale(self) -> float:
        """What one unit of the result is worth."""
        return 2.0**-self.output_bits

    def compute(self, logits: Tensor) -> Tensor:
        """Return int64 probabilities over the last dimension."""
        logits = as_int64(logits)
        parabola, z = self.exponential.octaves(logits - logits.amax(-1, keepdim=True))
        one = self.exponential.constants[1] << z.clamp(max=VANISHED)
        e = (2 * parabola * EXP_MAX + one) // (2 * one)
        f = (1 << NUMERATOR_BITS) // e.sum(-1, keepdim=True)
        return (e * f) >> (NUMERATOR_BITS - self.output_bits)

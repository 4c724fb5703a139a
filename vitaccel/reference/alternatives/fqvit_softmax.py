"""FQ-ViT's log-int-softmax: probabilities that are powers of two."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from vitaccel.reference.alternatives.ibert_exp import IBertExp
from vitaccel.reference.alternatives.method import check_bits, floor_log2
from vitaccel.reference.fixed_point import as_int64

FRACTION = 48
"""Fraction bits of the decoded probabilities: more than the largest code that int8 logits can give."""


@dataclass(frozen=True)
class FqVitSoftmax:
    """Softmax of Y. Lin et al., "FQ-ViT: Post-Training Quantization for Fully Quantized Vision Transformer".

    IJCAI 2022. I-BERT's exponential, then ``code = round_log2(round(sum / e))`` in *output_bits* bits and
    ``p = 2^-code``; the logarithm rounds up from 1.5, and a code that does not fit is a probability of 0, as in the
    class QIntSoftmax of the repository megvii-research/FQ-ViT. Ties of ``round(sum / e)`` go up here, to even there.

    Parameters
    ----------
    scale
        What one code of the logit port is worth, at least 2**-20.
    output_bits
        Width of a code, 4 as published.

    Raises
    ------
    NumericsError
        If a parameter is out of its range.
    """

    scale: float
    output_bits: int = 4

    logit_bits = 8

    def __post_init__(self) -> None:
        check_bits(self.output_bits, 2, 8, "codes of FQ-ViT")
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
        """What one unit of the decoded result is worth."""
        return 2.0**-FRACTION

    def codes(self, logits: Tensor) -> Tensor:
        """Return minus log2 of the probabilities, rounded, before codes that do not fit become 0."""
        logits = as_int64(logits)
        parabola, z = self.exponential.octaves(logits - logits.amax(-1, keepdim=True))
        # Only ratios count, so the octaves below the smallest exponential are left out; what remains fits int64.
        e = parabola << (z.amax(-1, keepdim=True) - z)
        ratio = (2 * e.sum(-1, keepdim=True) + e) // (2 * e)
        place = floor_log2(ratio)
        return place + (2 * ratio >= 3 << place)

    def compute(self, logits: Tensor) -> Tensor:
        """Return the probabilities that the codes stand for, int64, over the last dimension."""
        codes = self.codes(logits)
        fits = codes < min(1 << self.output_bits, FRACTION + 1)
        return torch.where(fits, 1 << (FRACTION - codes).clamp(min=0), 0)

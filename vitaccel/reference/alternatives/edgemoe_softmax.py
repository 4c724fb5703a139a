"""Edge-MoE's single-pass softmax in ap_fixed<32,10>."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from vitaccel.reference.alternatives.edgemoe_exp import FRACTION, EdgeMoeExp
from vitaccel.reference.fixed_point import as_int64

WORD = 1 << 32
"""ap_fixed<32,10> wraps around where it overflows."""


@dataclass(frozen=True)
class EdgeMoeSoftmax:
    """Softmax of R. Sarkar et al., "Edge-MoE: Memory-Efficient Multi-Task Vision Transformer" (ICCAD 2023).

    Element by element in key order, with ``d = bias - x``: where d is negative ``S = S exp(d) + 1; bias = x``,
    otherwise ``S = S + exp(-d)``. Then one reciprocal a row and ``p = exp(x - bias) * recip``. Everything is
    ap_fixed<32,10>, which truncates and wraps around, as in the repository sharc-lab/Edge-MoE: a row of more than 511
    equal logits overflows S. The exponential is :class:`EdgeMoeExp`; the truncated reciprocal and product are our
    reading of the defaults.
    """

    logit_bits = 32
    output_bits = FRACTION

    @cached_property
    def exponential(self) -> EdgeMoeExp:
        """The exponential function, with its tables."""
        return EdgeMoeExp()

    @property
    def logit_scale(self) -> float:
        """What one code of the logit port is worth."""
        return 2.0**-FRACTION

    @property
    def output_scale(self) -> float:
        """What one unit of the result is worth."""
        return 2.0**-FRACTION

    def compute(self, logits: Tensor) -> Tensor:
        """Return int64 probabilities over the last dimension."""
        x = as_int64(logits)
        bias, total = x[..., 0], torch.full_like(x[..., 0], 1 << FRACTION)
        for at in range(1, x.shape[-1]):
            d = bias - x[..., at]
            e = self.exponential.compute(d.abs())
            grown = ((total * e) >> FRACTION) + (1 << FRACTION)
            total = _wrapped(torch.where(d < 0, grown, total + e))
            bias = torch.maximum(bias, x[..., at])
        # A sum that wrapped to exactly 0 has no reciprocal; hardware gives garbage there, here it is 0.
        reciprocal = _wrapped(torch.where(total == 0, 0, (1 << 2 * FRACTION) // torch.where(total == 0, 1, total)))
        e = self.exponential.compute(bias.unsqueeze(-1) - x)
        return _wrapped((e * reciprocal.unsqueeze(-1)) >> FRACTION)


def _wrapped(x: Tensor) -> Tensor:
    return (x + WORD // 2) % WORD - WORD // 2

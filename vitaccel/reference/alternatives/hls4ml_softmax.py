"""hls4ml's stable softmax: two tables of 1024 entries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import exp

import torch
from torch import Tensor

from vitaccel.reference.fixed_point import as_int64

FRACTION = 10
"""Fraction bits of every value: ap_fixed<16,6> logits and results, ap_fixed<18,8> inside."""

ACCUMULATOR_MAX = (1 << 17) - 1
"""Largest ap_fixed<18,8>, just under 128."""

INDEX_SHIFT = 8
"""A table is read at the top 10 of 18 bits: every quarter."""


@dataclass(frozen=True)
class Hls4mlSoftmax:
    """The ``stable`` softmax of hls4ml (repository fastmachinelearning/hls4ml), with its default precisions.

    ``exp_table[top10(max - x)]``, their sum saturated, ``inv_table[top10(sum)]`` and one product, everything
    ap_fixed<18,8>. A table entry belongs to the lower end of its interval and is rounded; the product is truncated to
    the ap_fixed<16,6> of the result. Where the defaults differ between versions, those of 1.x are taken; how tables and
    result are rounded is our reading of AP_RND and AP_TRN.
    """

    logit_bits = 16
    output_bits = FRACTION

    @property
    def logit_scale(self) -> float:
        """What one code of the logit port is worth."""
        return 2.0**-FRACTION

    @property
    def output_scale(self) -> float:
        """What one unit of the result is worth."""
        return 2.0**-FRACTION

    @cached_property
    def exponentials(self) -> Tensor:
        """exp(-d) at every quarter, ap_fixed<18,8>."""
        step = 2.0 ** (INDEX_SHIFT - FRACTION)
        entries = (ACCUMULATOR_MAX >> INDEX_SHIFT) + 1
        return torch.tensor([round(exp(-at * step) * (1 << FRACTION)) for at in range(entries)])

    @cached_property
    def inverses(self) -> Tensor:
        """1 / sum at every quarter, ap_fixed<18,8>; the entry for 0 is the largest number."""
        entries = (ACCUMULATOR_MAX >> INDEX_SHIFT) + 1
        step = 2.0 ** (INDEX_SHIFT - FRACTION)
        return torch.tensor([ACCUMULATOR_MAX, *(round((1 << FRACTION) / (at * step)) for at in range(1, entries))])

    def compute(self, logits: Tensor) -> Tensor:
        """Return int64 probabilities over the last dimension."""
        x = as_int64(logits)
        distance = (x.amax(-1, keepdim=True) - x).clamp(max=ACCUMULATOR_MAX)
        e = self.exponentials[distance >> INDEX_SHIFT]
        total = e.sum(-1, keepdim=True).clamp(max=ACCUMULATOR_MAX)
        return (e * self.inverses[total >> INDEX_SHIFT]) >> FRACTION

"""exp as Edge-MoE's HLS library computes it: ap_fixed<32,10> in and out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import exp

import torch
from torch import Tensor

from vitaccel.reference.fixed_point import as_int64

FRACTION = 22
"""Fraction bits of ap_fixed<32,10>."""

COARSE_SHIFT = 11
"""The argument is split here: two tables, one product."""

TABLE_FRACTION = 31
"""Fraction bits of the tables."""

LAST = 16 << FRACTION
"""From here on exp(-x) is less than one unit: 16 / ln 2 is more than 22."""


@dataclass(frozen=True)
class EdgeMoeExp:
    """``floor(exp(-x) * 2^22)`` for x of 22 fraction bits, which a correctly truncating ``hls::exp`` gives.

    Vitis' library is closed; here ``exp(-x)`` is the product of two table entries of 31 fraction bits, one for the
    upper bits of x and one for its lowest 11. The product is within 2^-30 of the truth, so that about one result in two
    hundred is a unit of 2^-22 off.
    """

    @cached_property
    def coarse(self) -> Tensor:
        """exp(-x) at multiples of 2^-11."""
        return _table(LAST >> COARSE_SHIFT, 2.0 ** (COARSE_SHIFT - FRACTION))

    @cached_property
    def fine(self) -> Tensor:
        """exp(-x) at multiples of 2^-22 below 2^-11."""
        return _table(1 << COARSE_SHIFT, 2.0**-FRACTION)

    def compute(self, x: Tensor) -> Tensor:
        """Return exp(-x) of integers of 0 or more, both with 22 fraction bits, as int64."""
        x = as_int64(x)
        at = x.clamp(max=LAST - 1)
        product = self.coarse[at >> COARSE_SHIFT] * self.fine[at & (1 << COARSE_SHIFT) - 1]
        return torch.where(x < LAST, product >> (2 * TABLE_FRACTION - FRACTION), 0)


def _table(entries: int, step: float) -> Tensor:
    return torch.tensor([round(exp(-at * step) * (1 << TABLE_FRACTION)) for at in range(entries)])

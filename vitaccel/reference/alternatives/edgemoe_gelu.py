"""Edge-MoE's GELU: ReLU minus a table of the difference."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, erfc, sqrt

import torch
from torch import Tensor

from vitaccel.reference.alternatives.edgemoe_exp import FRACTION
from vitaccel.reference.fixed_point import as_int64

STEP_FRACTION = 5
"""A table entry every 1/32."""

LAST = 5.375
"""From here on the difference counts as 0: 172 steps."""


@dataclass(frozen=True)
class EdgeMoeGelu:
    """GELU of R. Sarkar et al., Edge-MoE (ICCAD 2023): ``relu(x) - (a + t (b - a))``.

    The difference ``relu(x) - gelu(x)`` is even, so one table over ``|x|`` serves both signs: 173 entries a step of
    1/32 apart, straight lines between them. Input, table and results are ap_fixed<32,10>, products are truncated. The
    entries are generated here by rounding the true difference; the original stores its own.
    """

    @property
    def scale(self) -> float:
        """What one code of the input is worth."""
        return 2.0**-FRACTION

    @property
    def output_scale(self) -> float:
        """What one unit of the result is worth."""
        return 2.0**-FRACTION

    @cached_property
    def differences(self) -> Tensor:
        """``relu(x) - gelu(x) = x erfc(x / sqrt 2) / 2`` at every step, the last entry repeated as 0."""
        steps = (at / (1 << STEP_FRACTION) for at in range(ceil(LAST * (1 << STEP_FRACTION)) + 1))
        return torch.tensor([*(round(x * erfc(x / sqrt(2)) / 2 * (1 << FRACTION)) for x in steps), 0])

    def compute(self, x: Tensor) -> Tensor:
        """Return int64 results, element by element."""
        x = as_int64(x)
        within = FRACTION - STEP_FRACTION
        magnitude = x.abs()
        segment, t = magnitude >> within, magnitude & (1 << within) - 1
        at = segment.clamp(max=len(self.differences) - 2)
        a, b = self.differences[at], self.differences[at + 1]
        difference = torch.where(segment < len(self.differences) - 2, a + (((b - a) * t) >> within), 0)
        return x.clamp(min=0) - difference

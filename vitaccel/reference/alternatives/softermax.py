"""Softermax: base 2, a running maximum rounded up, and piecewise-linear units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import log

import torch
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.method import floor_log2
from vitaccel.reference.fixed_point import as_int64, round_shift

LOGIT_FRACTION = 2
"""Fraction bits of the base-2 logits, Q6.2: four points in an octave."""

EXP_FRACTION = 15
"""Fraction bits of an unnormalized exponential, Q1.15."""

SUM_BITS, SUM_FRACTION = 16, 6
"""The running sum, Q10.6."""

RECIPROCAL_SEGMENTS_LOG2 = 3
"""Chords of the reciprocal on one octave: eight."""

OUTPUT_FRACTION = 7
"""Fraction bits of the reciprocal and of the probabilities, Q1.7."""

MANTISSA_FRACTION = 15
"""Fraction bits that the sum is normalized to before its reciprocal."""


@dataclass(frozen=True)
class Softermax:
    """Softmax of J. R. Stevens et al., "Softermax: Hardware/Software Co-Design of an Efficient Softmax" (DAC 2021).

    Base-2 logits in Q6.2. Slice by slice, the running maximum is the largest logit rounded up to an integer, the
    exponentials are ``2^frac`` from four points shifted down (Q1.15), and the sum, Q10.6, is shifted when the maximum
    grows. The reciprocal is eight chords in Q1.7, and ``p = floor(e r)`` in Q1.7. The widths are those that the RTL of
    the repository DeepWok/mase names, not those of the paper. Our reading: the slice of 16, a slice's exponentials
    summed exactly and then cut to Q10.6, chords rounded to nearest, a sum of 0 counting as its smallest step.

    Parameters
    ----------
    slice_keys
        Keys that are summed before the running sum is touched, at least 1.

    Raises
    ------
    NumericsError
        If there is no key in a slice.
    """

    slice_keys: int = 16

    logit_bits = 8
    output_bits = 8

    def __post_init__(self) -> None:
        if self.slice_keys < 1:
            raise NumericsError(f"a slice of Softermax must have at least 1 key, not {self.slice_keys}")

    @property
    def logit_scale(self) -> float:
        """What one code of the logit port is worth: a quarter of an octave."""
        return log(2) / (1 << LOGIT_FRACTION)

    @property
    def output_scale(self) -> float:
        """What one unit of the result is worth."""
        return 2.0**-OUTPUT_FRACTION

    @cached_property
    def octave(self) -> tuple[int, ...]:
        """2^frac at its four points, Q1.15."""
        points = 1 << LOGIT_FRACTION
        return tuple(round(2 ** (at / points) * (1 << EXP_FRACTION)) for at in range(points))

    @cached_property
    def reciprocals(self) -> tuple[int, ...]:
        """1 / x at the ends of the eight chords on [1, 2], with :data:`MANTISSA_FRACTION` fraction bits."""
        segments = 1 << RECIPROCAL_SEGMENTS_LOG2
        return tuple(round((1 << MANTISSA_FRACTION) / (1 + at / segments)) for at in range(segments + 1))

    def compute(self, logits: Tensor) -> Tensor:
        """Return int64 probabilities over the last dimension."""
        y = as_int64(logits)
        whole, octave = y >> LOGIT_FRACTION, torch.tensor(self.octave)[y & (1 << LOGIT_FRACTION) - 1]
        running = torch.full_like(y[..., :1], -(1 << 7))
        total = torch.zeros_like(running)
        exponentials: list[tuple[Tensor, Tensor]] = []
        for at in range(0, y.shape[-1], self.slice_keys):
            part = slice(at, at + self.slice_keys)
            ceiling = -(-y[..., part].amax(-1, keepdim=True) >> LOGIT_FRACTION)
            new = torch.maximum(running, ceiling)
            e = octave[..., part] >> (new - whole[..., part])
            cut = e.sum(-1, keepdim=True) >> (EXP_FRACTION - SUM_FRACTION)
            total = ((total >> (new - running).clamp(max=63)) + cut).clamp(max=(1 << SUM_BITS) - 1)
            exponentials.append((e, new))
            running = new
        numerators = torch.cat([e >> (running - reference) for e, reference in exponentials], -1)
        mantissa, place = self.reciprocal(total.clamp(min=1))
        return (numerators * mantissa) >> (EXP_FRACTION + place - SUM_FRACTION)

    def reciprocal(self, total: Tensor) -> tuple[Tensor, Tensor]:
        """Return 1 / (total / 2^place) in Q1.7, and the place of the leading one of *total*."""
        place = floor_log2(total)
        x = total << (MANTISSA_FRACTION - place)
        within = MANTISSA_FRACTION - RECIPROCAL_SEGMENTS_LOG2
        segment, t = (x >> within) - (1 << RECIPROCAL_SEGMENTS_LOG2), x & (1 << within) - 1
        ends = torch.tensor(self.reciprocals)
        low, high = ends[segment], ends[segment + 1]
        chord = (low << within) + (high - low) * t
        return round_shift(chord, within + MANTISSA_FRACTION - OUTPUT_FRACTION), place

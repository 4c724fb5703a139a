"""The certificate of requantization: how near a multiplier is, and that the rest is exact."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np
import torch

from vitaccel.reference.requantize import Requantize

SMALLEST_EXPONENT = -47
"""From 2**-47 on a multiplier is normalised; below, the shift has run out."""

LARGEST_EXPONENT = 16
"""Scales are below 2**17."""


@dataclass(frozen=True)
class RequantizeErrors:
    """What was found over seeded scales and accumulators, the extremes of int32 among them.

    Parameters
    ----------
    multiplier_error
        Largest relative error of a multiplier over scales of 2**-47 to 2**17; 2**-17 is promised.
    mismatches
        Results that differ from half-up rounding and saturation of the exact fraction; 0 is promised.
    monotonicity_violations
        Pairs of neighbours, in order of the accumulator, whose results are in the other order; 0 is promised.
    """

    multiplier_error: float
    mismatches: int
    monotonicity_violations: int


def certify_requantize(bits: int = 8, *, samples: int = 500, seed: int = 0) -> RequantizeErrors:
    """Measure *samples* random scales, each on 64 accumulators from all of int32 and around its saturation."""
    rng = np.random.default_rng(seed)
    exponents = rng.uniform(SMALLEST_EXPONENT, LARGEST_EXPONENT, samples)
    worst, mismatches, violations = Fraction(0), 0, 0
    for sign, exponent in zip(rng.choice([-1, 1], samples), exponents, strict=True):
        real = float(sign * 2.0**exponent)
        spec = Requantize.from_scale(real, bits)
        worst = max(worst, abs(spec.real / Fraction(real) - 1))
        acc = _accumulators(real, bits, rng)
        got = spec.compute(torch.tensor(acc)).tolist()
        expected = [_exact(a, spec) for a in acc]
        mismatches += sum(g != e for g, e in zip(got, expected, strict=True))
        steps = np.diff(got) * (1 if real > 0 else -1)
        violations += int((steps < 0).sum())
    return RequantizeErrors(float(worst), mismatches, violations)


def _accumulators(real: float, bits: int, rng: np.random.Generator) -> list[int]:
    """Return sorted int32 accumulators: the extremes, any, and some whose result is about to saturate."""
    edge = min(2.0 ** (bits - 1) / abs(real), 2.0**31)
    drawn = [*rng.uniform(-(2**31), 2**31, 20), *rng.uniform(-edge, edge, 40)]
    inside = [min(max(floor(a), -(2**31)), 2**31 - 1) for a in drawn]
    return sorted([*inside, -(2**31), -1, 0, 2**31 - 1])


def _exact(acc: int, spec: Requantize) -> int:
    limit = 1 << spec.bits - 1
    return min(max(floor(acc * spec.real + Fraction(1, 2)), -limit), limit - 1)

"""That the residual addition is exact, and saturates where it must: all pairs of a grid with every extreme."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vitaccel.reference.residual import ResidualAdd

GRID = 509
"""Codes of either operand, evenly over the range; a prime, so that the sums do not repeat."""


@dataclass(frozen=True)
class ResidualCertificate:
    """What was compared.

    Parameters
    ----------
    pairs
        Pairs of codes added.
    wrong
        Sums that differ from the real sum clamped to the range.
    saturated
        Sums that were clamped.
    falls
        Neighbouring codes of one operand whose sums fall.
    """

    pairs: int
    wrong: int
    saturated: int
    falls: int


def certify_residual(spec: ResidualAdd | None = None) -> ResidualCertificate:
    """Add every pair of :data:`GRID` codes and those next to 0 and to the ends of the range."""
    spec = spec or ResidualAdd()
    low, high = -(2 ** (spec.bits - 1)), 2 ** (spec.bits - 1) - 1
    codes = np.union1d(np.linspace(low, high, GRID).round(), [low, low + 1, -1, 0, 1, high - 1, high])
    a, b = np.meshgrid(codes, codes, indexing="ij")
    got = spec.compute(torch.from_numpy(a.astype(np.int64)), torch.from_numpy(b.astype(np.int64))).numpy()
    real = a + b
    return ResidualCertificate(
        pairs=got.size,
        wrong=int((got != real.clip(low, high)).sum()),
        saturated=int((real != real.clip(low, high)).sum()),
        falls=int((np.diff(got, axis=0) < 0).sum() + (np.diff(got, axis=1) < 0).sum()),
    )

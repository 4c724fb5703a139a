"""What pooling loses: every number of taps of the windows in use, against float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vitaccel.reference.pool import AveragePool, MaxPool

COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 25, 49, 64, 196, 197, 577, 4096)
"""Taps of a window: up to 3 x 3 at every border, common windows, and means over all tokens."""

WINDOWS = 512


@dataclass(frozen=True)
class PoolCertificate:
    """What pooling loses, int16 to int16 of one scale.

    Parameters
    ----------
    windows
        Windows measured, for every count.
    average_error
        Largest difference of a mean from the real one, in steps; rounding alone is 0.5.
    constant_error
        Largest difference of the mean of equal codes from that code, in steps.
    max_wrong
        Windows whose largest tap was not found.
    """

    windows: int
    average_error: float
    constant_error: int
    max_wrong: int


def certify_pool(seed: int = 0) -> PoolCertificate:
    """Measure windows of random and of equal codes with every number of taps in :data:`COUNTS`."""
    rng = np.random.default_rng(seed)
    average = AveragePool.from_scale(COUNTS, 1.0, 1.0)
    error, constant, wrong = 0.0, 0, 0
    for count in COUNTS:
        # Windows about their own means: of many independent codes, all means would be near 0.
        centre = rng.integers(-32768, 32768, (WINDOWS, 1))
        taps = (centre + rng.integers(-999, 1000, (WINDOWS, count))).clip(-32768, 32767)
        codes = torch.from_numpy(taps)
        error = max(error, float(np.abs(average.compute(codes).numpy() - taps.mean(-1)).max()))
        equal = torch.from_numpy(np.append(centre, [[-32768], [0], [32767]])).repeat(count, 1).mT
        constant = max(constant, int((average.compute(equal) - equal[:, 0]).abs().max()))
        wrong += int((MaxPool().compute(codes).numpy() != taps.max(-1)).sum())
    return PoolCertificate(WINDOWS * len(COUNTS), error, constant, wrong)

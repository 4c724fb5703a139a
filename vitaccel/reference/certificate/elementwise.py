"""What sums and products of different scales lose: against float64, over random and extreme codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vitaccel.reference.elementwise import AddScaled, Multiply

PAIRS = 4096
"""Random pairs of codes for each triple of scales; every pair of extremes is added."""

TRIPLES = 24
"""Triples of scales, each within a factor of 16 of what just covers the result."""


@dataclass(frozen=True)
class ElementwiseCertificate:
    """What sums and products lose, in output steps; rounding alone is 0.5.

    Parameters
    ----------
    pairs
        Pairs of codes, for sums and for products each.
    sum_error, product_error
        Largest difference from the real value clamped to the output's range.
    falls
        Results that fall where a code rises.
    """

    pairs: int
    sum_error: float
    product_error: float
    falls: int


def certify_elementwise(seed: int = 0) -> ElementwiseCertificate:
    """Measure int16 sums and products of random scales whose results fill the range of the output or pass it."""
    rng = np.random.default_rng(seed)
    ends = np.array([-32768, -32767, -1, 0, 1, 32767])
    a = np.concatenate([rng.integers(-32768, 32768, PAIRS), np.repeat(ends, len(ends))])
    b = np.concatenate([rng.integers(-32768, 32768, PAIRS), np.tile(ends, len(ends))])
    sums = products = 0.0
    falls = 0
    for _ in range(TRIPLES):
        a_scale, b_scale = (float(np.float32(2.0 ** rng.uniform(-16, 0))) for _ in range(2))
        out = float(np.float32(max(a_scale, b_scale) * 2.0 ** rng.uniform(0, 1)))
        add = AddScaled.from_scale(a_scale, b_scale, out)
        sums = max(sums, _error(add.compute, a, b, (a * a_scale + b * b_scale) / out))
        out = float(np.float32(32768 * a_scale * b_scale * 2.0 ** rng.uniform(-4, 0)))
        multiply = Multiply.from_scale(a_scale, b_scale, out)
        products = max(products, _error(multiply.compute, a, b, a * a_scale * b / out * b_scale))
        rising = torch.arange(-32768, 32768, 7)
        for code in (-32768, 12345):
            falls += int((add.compute(rising, torch.tensor(code)).diff() < 0).sum())
            falls += int((multiply.compute(rising, torch.tensor(abs(code))).diff() < 0).sum())
    return ElementwiseCertificate(TRIPLES * len(a), sums, products, falls)


def _error(
    compute: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    real: NDArray[np.float64],
) -> float:
    got = compute(torch.from_numpy(a), torch.from_numpy(b)).numpy()
    return float(np.abs(got - real.clip(-32768, 32767)).max())

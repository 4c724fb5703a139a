"""That integer products are exact: against float64, which is exact below 2**53."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from vitaccel.reference.matmul import accumulate, accumulate_unsigned, accumulator_bound

SHAPES = ((1, 1, 1), (3, 5, 7), (65, 64, 33), (197, 64, 197), (197, 768, 64), (2, 65536, 3), (16, 3072, 31))
"""M, K and N: tiny ones, odd ones, those of a ViT-B, and a deep one."""


@dataclass(frozen=True)
class MatmulCertificate:
    """What was compared.

    Parameters
    ----------
    sums
        Sums compared, of int8 by int8 and of 8, 12 and 16-bit numerators by int8.
    wrong
        Sums that are not equal: none.
    largest
        Largest absolute value of an int32 sum met.
    bound_reached
        Whether the worst case of every column of weights was met by activations that reach it, and never passed.
    """

    sums: int
    wrong: int
    largest: int
    bound_reached: bool


def certify_matmul(seed: int = 0) -> MatmulCertificate:
    """Compare products of random codes, of which a quarter are extreme, with float64."""
    rng = np.random.default_rng(seed)
    sums = wrong = largest = 0
    reached = True
    for m, k, n in SHAPES:
        a, b = _codes(rng, -128, 128, (m, k)), _codes(rng, -128, 128, (k, n))
        a[0] = np.where(b[:, 0] < 0, -128, 127)  # the worst activations of the first column, to one side
        exact = a.astype(np.float64) @ b
        got = accumulate(torch.from_numpy(a), torch.from_numpy(b)).numpy()
        bound = accumulator_bound(torch.from_numpy(b)).numpy()
        other = float((np.where(b[:, 0] < 0, 127, -128).astype(np.float64) * b[:, 0]).sum())
        reached &= bool((np.abs(exact) <= bound).all()) and max(exact[0, 0], -other) == bound[0]
        sums, wrong, largest = sums + got.size, wrong + int((got != exact).sum()), max(largest, int(np.abs(got).max()))
        for bits in (8, 12, 16):
            u = _codes(rng, 0, 2**bits, (m, k))
            digits = accumulate_unsigned(torch.from_numpy(u), torch.from_numpy(b), bits).numpy()
            sums, wrong = sums + digits.size, wrong + int((digits != u.astype(np.float64) @ b).sum())
    return MatmulCertificate(sums, wrong, largest, bool(reached))


def _codes(
    rng: np.random.Generator, low: int, high: int, shape: tuple[int, ...]
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    codes = rng.integers(low, high, shape)
    extreme = rng.integers(0, 8, shape)
    return np.where(extreme == 0, low, np.where(extreme == 1, high - 1, codes))

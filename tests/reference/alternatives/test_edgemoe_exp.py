"""The exponential of 22 fraction bits against float64."""

from __future__ import annotations

import numpy as np
import torch

from tests.reference.no_float import without_float
from vitaccel.reference.alternatives.edgemoe_exp import LAST, EdgeMoeExp

ONE = 1 << 22


def test_it_is_the_truncated_exponential(seed: int) -> None:
    """All but a few in a thousand are equal; the others are next to it."""
    x = np.concatenate([np.arange(3000), np.random.default_rng(seed).integers(0, LAST, 50_000)])
    got = without_float(EdgeMoeExp().compute, torch.from_numpy(x)).numpy()
    true = np.floor(np.exp(-x / ONE) * ONE)
    assert np.abs(got - true).max() <= 1
    assert (got != true).mean() < 0.005


def test_extremes() -> None:
    spec = EdgeMoeExp()
    got = spec.compute(torch.tensor([0, 1, 15 * ONE, LAST - 1, LAST, 2**31 - 1]))
    assert got.tolist() == [ONE, ONE - 1, 1, 0, 0, 0]

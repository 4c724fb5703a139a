"""I-ViT's LayerNorm against Python's integers, and the root that ten steps do not reach."""

from __future__ import annotations

from fractions import Fraction
from math import floor, isqrt

import numpy as np
import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.ivit_layernorm import IVitLayerNorm


def one_row(x: list[int], steps: int) -> list[int]:
    mean = floor(Fraction(sum(x), len(x)) + Fraction(1, 2))
    y = [value - mean for value in x]
    squares, k = sum(value * value for value in y), 2**16
    for _ in range(steps):
        k = (k + squares // k) // 2
    return [value * ((2**31 - 1) // k) // 2 for value in y]


@pytest.mark.parametrize(("limit", "steps"), [(5, 10), (127, 10), (32767, 10), (32767, 1), (1, 16)])
def test_it_is_the_published_formula(limit: int, steps: int, seed: int) -> None:
    x = np.random.default_rng(seed).integers(-limit - 1, limit + 1, (20, 384))
    x[0] = limit
    got = without_float(IVitLayerNorm(384, steps).compute, torch.from_numpy(x))
    assert got.tolist() == [one_row(row, steps) for row in x.tolist()]


def test_ten_steps_do_not_reach_a_small_root() -> None:
    """A deviation of one code over 384 channels has the root 19; the iteration stops near 66."""
    x = torch.tensor([1, -1] * 192).reshape(1, 384)
    spec = IVitLayerNorm(384)
    got = float(spec.compute(x)[0, 0]) * spec.output_scale
    assert isqrt(384) == 19
    assert got == pytest.approx(19.6 / 66, rel=0.05)  # the true answer is 1


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(NumericsError, match="channels of I-ViT's LayerNorm must be at least 1, not 0"):
        IVitLayerNorm(0)
    with pytest.raises(NumericsError, match="steps of I-ViT's LayerNorm must be 1 to 16, not 17"):
        IVitLayerNorm(4, 17)

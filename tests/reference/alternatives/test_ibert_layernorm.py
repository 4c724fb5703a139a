"""I-BERT's LayerNorm against Python's integers, and the error that a rounded mean makes."""

from __future__ import annotations

from fractions import Fraction
from math import floor, isqrt

import numpy as np
import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.ibert_layernorm import IBertLayerNorm, centered, integer_sqrt


def one_row(x: list[int], shift: int) -> list[int]:
    mean = floor(Fraction(sum(x), len(x)) + Fraction(1, 2))
    y = [value - mean for value in x]
    deviation = isqrt(sum((value >> shift) ** 2 for value in y)) << shift
    return [value * (2**31 // deviation) // 2 if deviation else 0 for value in y]


@pytest.mark.parametrize(("limit", "shift"), [(127, 0), (3000, 0), (32767, 6)])
def test_it_is_the_published_formula(limit: int, shift: int, seed: int) -> None:
    x = np.random.default_rng(seed).integers(-limit - 1, limit + 1, (20, 384))
    x[0] = limit  # no deviation
    x[1, 1:] = x[1, 0]
    x[1, 0] += 1
    got = without_float(IBertLayerNorm(384, shift).compute, torch.from_numpy(x))
    assert got.tolist() == [one_row(row, shift) for row in x.tolist()]
    assert not got[0].any()


def test_the_rounded_mean_is_the_error(seed: int) -> None:
    """An error of half a code in a deviation of ten: 3 % of it, as published rows show."""
    rng = np.random.default_rng(seed)
    x = np.rint(rng.normal(0, 10, (200, 384)) + rng.normal(0, 10, (200, 1))).astype(np.int64)
    spec = IBertLayerNorm(384)
    true = (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)
    rms = np.sqrt(np.square(spec.compute(torch.from_numpy(x)).numpy() * spec.output_scale - true).mean())
    assert 0.02 < rms < 0.04


def test_roots_are_rounded_down() -> None:
    values = sorted({v for r in (0, 1, 2, 255, 46340, 2**31 - 2) for v in (r * r, r * r + 1, (r + 1) ** 2 - 1)})
    assert integer_sqrt(torch.tensor(values)).tolist() == [isqrt(v) for v in values]


def test_ties_of_the_mean_go_up() -> None:
    assert centered(torch.tensor([[0, 1], [-1, 0], [1, 2]])).tolist() == [[-1, 0], [-1, 0], [-1, 0]]


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(NumericsError, match="channels of I-BERT's LayerNorm must be at least 1, not 0"):
        IBertLayerNorm(0)
    with pytest.raises(NumericsError, match="shift of I-BERT's LayerNorm must be 0 to 15 bits, not 16"):
        IBertLayerNorm(4, 16)
    with pytest.raises(NumericsError, match="sums of squares must fit 32 bits, not 8589934592: raise shift"):
        IBertLayerNorm(2).compute(torch.tensor([[-65536, 65536]]))

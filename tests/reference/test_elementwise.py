"""Sums and products of two scales: rounding, saturation, broadcasting, widths, integers only."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.elementwise import AddScaled, Multiply

EXTREMES = [-32768, -32767, -1, 0, 1, 2, 32766, 32767]


def rounded(real: Fraction, bits: int) -> int:
    limit = 1 << bits - 1
    return min(max(math.floor(real + Fraction(1, 2)), -limit), limit - 1)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    ("ma", "mb", "shift"), [(131071, -131071, 0), (131071, 131071, 17), (65536, 3, 16), (0, 1, 63)]
)
def test_a_sum_is_its_fractions_rounded_once(ma: int, mb: int, shift: int, bits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = [(x, y) for x in EXTREMES for y in EXTREMES] + rng.integers(-32768, 32768, (50, 2)).tolist()
    a, b = torch.tensor(pairs, dtype=torch.int16).T
    expected = [rounded(Fraction(x * ma + y * mb, 2**shift), bits) for x, y in pairs]
    assert without_float(AddScaled(ma, mb, shift, bits).compute, a, b).tolist() == expected


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("scales", [(1.0, 1.0, 1.0), (2.0**-10, 2.0**-9, 2.0**-4), (0.3, 0.7, 1000.0)])
def test_a_product_is_its_fractions_rounded_once(scales: tuple[float, float, float], bits: int, seed: int) -> None:
    multiply = Multiply.from_scale(*scales, bits)
    rng = np.random.default_rng(seed)
    pairs = [(x, y) for x in EXTREMES for y in EXTREMES] + rng.integers(-32768, 32768, (50, 2)).tolist()
    a, b = torch.tensor(pairs, dtype=torch.int16).T
    expected = [rounded(x * y * multiply.requantize.real, bits) for x, y in pairs]
    assert without_float(multiply.compute, a, b).tolist() == expected


def test_scales_become_the_nearest_multipliers_at_the_longest_shift() -> None:
    assert AddScaled.from_scale(1.0, 1.0, 1.0) == AddScaled(65536, 65536, 16)
    assert AddScaled.from_scale(1.0, 0.25, 2.0, 8) == AddScaled(65536, 16384, 17, 8)
    assert AddScaled.from_scale(3.0, 1.0, 1.0) == AddScaled(98304, 32768, 15)
    # 0.9999999 would round up to 2**17, which has one bit too many.
    assert AddScaled.from_scale(1 - 2.0**-20, 1e-9, 1.0) == AddScaled(65536, 0, 16)
    assert AddScaled.from_scale(np.float32(0.5), np.float32(0.5), np.float32(0.5)) == AddScaled(65536, 65536, 16)


def test_ties_go_up_and_sums_of_equal_scales_are_exact() -> None:
    halves = AddScaled.from_scale(1.0, 1.0, 2.0)
    assert halves.compute(torch.tensor([1, -1, 3, -3]), torch.tensor([0, 0, 0, 0])).tolist() == [1, 0, 2, -1]
    same = AddScaled.from_scale(0.1, 0.1, 0.1)
    assert same.compute(torch.tensor(EXTREMES), torch.tensor([1])).tolist() == [min(x + 1, 32767) for x in EXTREMES]


def test_operands_broadcast() -> None:
    a, b = torch.arange(24).reshape(2, 3, 4), torch.arange(4)
    assert torch.equal(AddScaled.from_scale(1.0, 1.0, 1.0).compute(a, b), a + b)
    assert torch.equal(Multiply.from_scale(1.0, 1.0, 1.0).compute(a, b[None, None]), a * b)
    assert Multiply.from_scale(1.0, 1.0, 1.0).compute(a[:0], b).shape == (0, 3, 4)


def test_operands_are_left_as_they_were() -> None:
    a, b = torch.tensor([1, 2]), torch.tensor([3, 4])
    AddScaled.from_scale(1.0, 2.0, 1.0).compute(a, b)
    Multiply.from_scale(1.0, 2.0, 1.0).compute(a, b)
    assert (a.tolist(), b.tolist()) == ([1, 2], [3, 4])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ((1 << 17, 0, 0), "multiplier of a sum must be within ±131071, not 131072"),
        ((0, -(1 << 17), 0), "multiplier of a sum must be within ±131071, not -131072"),
        ((1, 1, 64), "shift of a sum must be 0 to 63, not 64"),
        ((1, 1, 0, 33), "a sum must have 2 to 32 bits, not 33"),
    ],
)
def test_impossible_fields_are_refused(fields: Any, sentence: str) -> None:
    with pytest.raises(NumericsError, match=sentence):
        AddScaled(*fields)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_impossible_scales_are_refused(scale: float) -> None:
    for scales in ((scale, 1.0, 1.0), (1.0, scale, 1.0), (1.0, 1.0, scale)):
        with pytest.raises(NumericsError, match=f"scales of a sum must be positive and finite, not {scale}"):
            AddScaled.from_scale(*scales)
        with pytest.raises(NumericsError, match=f"scales of a product must be positive and finite, not {scale}"):
            Multiply.from_scale(*scales)


def test_operands_that_are_too_coarse_are_refused() -> None:
    with pytest.raises(NumericsError, match="operands of a sum must be finer than 131072 output steps, not 131072"):
        AddScaled.from_scale(1.0, 131072.0, 1.0)
    with pytest.raises(NumericsError, match="must be within ±131071, not 131072"):
        Multiply.from_scale(1.0, 131072.0, 1.0)

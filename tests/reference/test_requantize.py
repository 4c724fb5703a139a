"""Requantization against exact fractions: one rounding, one saturation, whatever the scale."""

from __future__ import annotations

from fractions import Fraction
from math import floor, inf, nan

import numpy as np
import pytest
import torch

from vitaccel.errors import NumericsError
from vitaccel.reference.requantize import ChannelRequantize, Requantize

INT32 = (-(2**31), -(2**31) + 1, -1, 0, 1, 2**31 - 2, 2**31 - 1)


def exact(acc: int, factor: Fraction, bits: int, residual: int = 0) -> int:
    limit = 1 << bits - 1
    return min(max(floor(acc * factor + Fraction(1, 2)) + residual, -limit), limit - 1)


@pytest.mark.parametrize(
    ("real", "multiplier", "shift"),
    [
        (1.0, 65536, 16),
        (-1.0, -65536, 16),
        (0.5, 65536, 17),
        (0.0, 0, 0),
        (0.1, 104858, 20),
        (131071.0, 131071, 0),
        (131070.5, 131071, 0),
        (-131071.25, -131071, 0),
        (2.0 - 2.0**-18, 65536, 15),  # rounds up to 2**17, which has one bit more
        (2.0**-47, 65536, 63),
        (2.0**-63, 1, 63),
        (2.0**-64, 1, 63),
        (2.0**-65, 0, 63),
        (5e-324, 0, 63),
    ],
)
def test_a_scale_becomes_the_nearest_normalised_multiplier(real: float, multiplier: int, shift: int) -> None:
    assert Requantize.from_scale(real, 8) == Requantize(multiplier, shift, 8)


def test_the_multiplier_is_normalised_and_near(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for real in rng.choice([-1, 1], 3000) * 2.0 ** rng.uniform(-47, 16.99, 3000):
        spec = Requantize.from_scale(float(real), 16)
        assert 2**16 <= abs(spec.multiplier) < 2**17
        assert abs(spec.real / Fraction(float(real)) - 1) <= Fraction(1, 2**17)


def test_a_scale_may_be_a_number_of_numpy() -> None:
    assert Requantize.from_scale(np.float32(0.1), 8).real == Fraction(104858, 2**20)


@pytest.mark.parametrize("real", [131071.5, -131072.0, 1e30])
def test_a_scale_without_a_multiplier_is_refused(real: float) -> None:
    with pytest.raises(NumericsError) as error:
        Requantize.from_scale(real, 8)
    assert str(error.value) == f"the scale of a requantization must be within ±131071, not {real}"


@pytest.mark.parametrize("real", [nan, inf, -inf])
def test_a_scale_that_is_no_number_is_refused(real: float) -> None:
    with pytest.raises(NumericsError, match=f"the scale of a requantization must be finite, not {real}"):
        Requantize.from_scale(real, 8)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ((2**17, 0, 8), "a multiplier must be within ±131071, not 131072"),
        ((-(2**17), 0, 8), "a multiplier must be within ±131071, not -131072"),
        ((1, 64, 8), "a shift must be 0 to 63 bits, not 64"),
        ((1, -1, 8), "a shift must be 0 to 63 bits, not -1"),
        ((1, 0, 1), "the result of a requantization must have 2 to 32 bits, not 1"),
        ((1, 0, 33), "the result of a requantization must have 2 to 32 bits, not 33"),
    ],
)
def test_fields_out_of_range_are_refused(fields: tuple[int, int, int], sentence: str) -> None:
    with pytest.raises(NumericsError) as error:
        Requantize(*fields)
    assert str(error.value) == sentence


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("bias", [0, 2**31 - 1, -(2**31)])
def test_every_result_is_the_fraction_rounded_half_up_and_saturated(bits: int, bias: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    acc = [*INT32, *(int(a) for a in rng.integers(-(2**31), 2**31, 50)), *range(-20, 20)]
    x = torch.tensor(acc, dtype=torch.int32)
    for multiplier in (131071, -131071, 65536, 1, 0, int(rng.integers(2**16, 2**17))):
        for shift in (0, 1, 16, 17, int(rng.integers(2, 48)), 48, 63):
            spec = Requantize(multiplier, shift, bits)
            expected = [exact(a + bias, spec.real, bits) for a in acc]
            assert spec.compute(x, bias).tolist() == expected


def test_halves_go_up_on_both_sides_of_zero() -> None:
    half = Requantize.from_scale(0.5, 8)
    assert half.compute(torch.arange(-5, 6)).tolist() == [-2, -2, -1, -1, 0, 0, 1, 1, 2, 2, 3]


def channels(seed: int, bits: int, count: int = 40) -> ChannelRequantize:
    rng = np.random.default_rng(seed)
    reals = rng.choice([-1, 1], count) * 2.0 ** rng.uniform(-30, 0, count)
    return ChannelRequantize.from_scales([0.0, *reals[1:]], rng.integers(-(2**31), 2**31, count).tolist(), bits)


@pytest.mark.parametrize("bits", [8, 16])
def test_channels_are_requantized_one_by_one(bits: int, seed: int) -> None:
    spec = channels(seed, bits)
    acc = torch.from_numpy(np.random.default_rng(seed).integers(-(2**31), 2**31, (2, 5, 40)))
    together = spec.compute(acc)
    for c in range(40):
        alone = Requantize(int(spec.multiplier[c]), int(spec.shift[c]), bits)
        assert torch.equal(together[..., c], alone.compute(acc[..., c], int(spec.bias[c])))


def test_a_residual_joins_between_the_rounding_and_the_saturation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spec = channels(seed, 16)
    acc = torch.from_numpy(rng.integers(-(2**31), 2**31, (7, 40)))
    residual = torch.from_numpy(rng.integers(-(2**15), 2**15, (7, 40)).astype(np.int16))
    got = spec.compute(acc, residual)
    for row in range(7):
        for c in range(40):
            factor = Fraction(int(spec.multiplier[c]), 2 ** int(spec.shift[c]))
            expected = exact(int(acc[row, c]) + int(spec.bias[c]), factor, 16, int(residual[row, c]))
            assert int(got[row, c]) == expected


def test_a_residual_brings_an_overflow_back() -> None:
    """Saturating before the residual is added would give 32767 - 20000."""
    spec = ChannelRequantize.from_scales([1.0], [0], 16)
    assert spec.compute(torch.tensor([[40000]]), torch.tensor([[-20000]])).tolist() == [[20000]]


def test_the_arguments_stay_as_they_were(seed: int) -> None:
    spec = channels(seed, 16)
    acc, residual = torch.full((3, 40), 1000), torch.full((3, 40), 7)
    spec.compute(acc, residual)
    Requantize(3, 1, 8).compute(acc)
    assert (acc == 1000).all()
    assert (residual == 7).all()


def vector(*values: int) -> torch.Tensor:
    return torch.tensor(values)


@pytest.mark.parametrize(
    ("multiplier", "shift", "bias", "sentence"),
    [
        (vector(2**17), vector(0), vector(0), "multiplier of a channel must be -131071 to 131071, not 131072"),
        (vector(1, 1), vector(0, 64), vector(0, 0), "shift of a channel must be 0 to 63, not 64"),
        (vector(1), vector(-1), vector(0), "shift of a channel must be 0 to 63, not -1"),
        (vector(1), vector(0), vector(2**31), "bias of a channel must be -2147483648 to 2147483647, not 2147483648"),
        (
            vector(1, 2),
            vector(0),
            vector(0, 0),
            "shift must be a vector of one integer a channel, not [1], beside multipliers of [2]",
        ),
        (vector(1), vector(0), torch.zeros(1), "a tensor of codes must hold integers, not torch.float32"),
    ],
)
def test_channels_that_are_none_are_refused(
    multiplier: torch.Tensor, shift: torch.Tensor, bias: torch.Tensor, sentence: str
) -> None:
    with pytest.raises(NumericsError) as error:
        ChannelRequantize(multiplier, shift, bias, 8)
    assert str(error.value) == sentence


def test_shapes_that_do_not_fit_are_refused() -> None:
    spec = ChannelRequantize.from_scales([1.0, 1.0], [0, 0], 16)
    with pytest.raises(NumericsError, match=r"an accumulator must have the shape \[\.\.\., 2\], not \[3, 1\]"):
        spec.compute(torch.zeros((3, 1), dtype=torch.int32))
    with pytest.raises(NumericsError, match=r"a residual must have the shape \[3, 2\], not \[2\]"):
        spec.compute(torch.zeros((3, 2), dtype=torch.int32), torch.zeros(2, dtype=torch.int16))


def test_biases_are_as_many_as_scales() -> None:
    with pytest.raises(NumericsError, match="bias must be a vector of one integer a channel"):
        ChannelRequantize.from_scales([1.0, 1.0], [0], 16)

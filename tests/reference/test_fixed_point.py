"""Formats, rounding and saturation, against Python's exact fractions."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
import torch

from vitaccel.errors import NumericsError
from vitaccel.reference.fixed_point import INTEGER_DTYPES, Fixed, as_int64, round_shift, saturate

EDGES = [0, 1, -1, 2, -2, 127, -128, 32767, -32768, 2**31 - 1, -(2**31), 2**50, -(2**50), 2**62 - 1, -(2**62)]


def half_up(x: int, shift: int) -> int:
    return floor(Fraction(x, 2**shift) + Fraction(1, 2)) if shift else x


@pytest.mark.parametrize(
    ("fixed", "text", "smallest", "largest", "step"),
    [
        (Fixed(16, 6), "q9.6", -32768, 32767, Fraction(1, 64)),
        (Fixed(16, 8), "q7.8", -32768, 32767, Fraction(1, 256)),
        (Fixed(16, 15, signed=False), "uq1.15", 0, 65535, Fraction(1, 32768)),
        (Fixed(16, 16, signed=False), "uq0.16", 0, 65535, Fraction(1, 65536)),
        (Fixed(8, 0), "q7.0", -128, 127, Fraction(1)),
        (Fixed(8, 10), "q-3.10", -128, 127, Fraction(1, 1024)),
        (Fixed(8, -3), "q10.-3", -128, 127, Fraction(8)),
        (Fixed(1, 0), "q0.0", -1, 0, Fraction(1)),
        (Fixed(64, 0), "q63.0", -(2**63), 2**63 - 1, Fraction(1)),
        (Fixed(63, 0, signed=False), "uq63.0", 0, 2**63 - 1, Fraction(1)),
    ],
)
def test_a_format_has_a_range_a_step_and_a_name(
    fixed: Fixed, text: str, smallest: int, largest: int, step: Fraction
) -> None:
    assert (str(fixed), fixed.min, fixed.max, fixed.step) == (text, smallest, largest, step)


@pytest.mark.parametrize(
    ("bits", "fraction", "signed", "sentence"),
    [
        (0, 0, True, "bits of a fixed-point format must be 1 to 64, not 0"),
        (65, 0, True, "bits of a fixed-point format must be 1 to 64, not 65"),
        (64, 0, False, "bits of a fixed-point format must be 1 to 63, not 64"),
        (16, 64, True, "fraction of a fixed-point format must be -63 to 63, not 64"),
        (16, -64, True, "fraction of a fixed-point format must be -63 to 63, not -64"),
    ],
)
def test_impossible_formats_are_refused(bits: int, fraction: int, signed: bool, sentence: str) -> None:
    with pytest.raises(NumericsError) as error:
        Fixed(bits, fraction, signed)
    assert str(error.value) == sentence


@pytest.mark.parametrize("shift", range(64))
def test_rounding_is_half_up_for_every_shift(shift: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = EDGES + [int(v) for v in rng.integers(-(2**62), 2**62, 50)]
    halves = [(2 * int(k) + 1) << max(shift - 1, 0) for k in rng.integers(-9, 9, 20)] if shift < 58 else []
    x = torch.tensor(values + halves)
    expected = [half_up(v, shift) for v in x.tolist()]
    assert round_shift(x, shift).tolist() == expected
    assert round_shift(x, torch.tensor(shift)).tolist() == expected


def test_a_shift_per_channel_is_the_same_shift_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.integers(-(2**62), 2**62, (7, 64)))
    together = round_shift(x, torch.arange(64, dtype=torch.int8))
    assert all(torch.equal(together[:, s], round_shift(x[:, s], s)) for s in range(64))


@pytest.mark.parametrize("shift", [-1, 64])
def test_shifts_that_a_register_has_not_are_refused(shift: int) -> None:
    for given in (shift, torch.tensor([3, shift])):
        with pytest.raises(NumericsError, match=f"a shift must be 0 to 63 bits, not {shift}"):
            round_shift(torch.tensor([1, 2]), given)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bits", [1, 8, 16, 32, 63])
def test_saturation_keeps_what_fits_and_clamps_the_rest(bits: int, signed: bool) -> None:
    container = Fixed(bits, 0, signed)
    x = torch.tensor([*EDGES, container.min, container.max])
    expected = [min(max(v, container.min), container.max) for v in x.tolist()]
    assert saturate(x, bits, signed).tolist() == expected


@pytest.mark.parametrize("dtype", INTEGER_DTYPES)
def test_every_integer_dtype_enters_and_int64_comes_out(dtype: torch.dtype) -> None:
    x = torch.tensor([0, 1, 100], dtype=dtype)
    for out in (as_int64(x), round_shift(x, 0), saturate(x, 8)):
        assert out.dtype is torch.int64
        assert out.tolist() == [0, 1, 100]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.bool])
def test_no_other_dtype_enters(dtype: torch.dtype) -> None:
    x = torch.zeros(3, dtype=dtype)
    for enter in (as_int64, lambda x: round_shift(x, 1), lambda x: saturate(x, 8)):
        with pytest.raises(NumericsError, match=f"a tensor of codes must hold integers, not {dtype}"):
            enter(x)


def test_empty_tensors_pass() -> None:
    nothing = torch.zeros((0, 4), dtype=torch.int32)
    assert round_shift(nothing, torch.zeros(4, dtype=torch.int64)).shape == (0, 4)
    assert round_shift(nothing, nothing).shape == saturate(nothing, 8).shape == (0, 4)

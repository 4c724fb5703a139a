"""What several methods need: leading ones, and refusals in one sentence."""

from __future__ import annotations

import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.method import check_bits, check_scale, floor_log2


def test_the_place_of_the_leading_one_is_the_length_less_one() -> None:
    values = sorted({v for place in range(63) for v in ((1 << place) - 1, 1 << place, (1 << place) + 1) if v > 0})
    got = without_float(floor_log2, torch.tensor(values))
    assert got.tolist() == [v.bit_length() - 1 for v in values]


@pytest.mark.parametrize("scale", [0.0, -1.0, 1e-9, float("nan"), float("inf")])
def test_a_scale_must_be_a_number_of_some_size(scale: float) -> None:
    with pytest.raises(NumericsError, match=r"scale of x must be finite and at least 0\.5, not "):
        check_scale(scale, 0.5, "x")
    check_scale(0.5, 0.5, "x")


def test_a_width_must_be_in_its_range() -> None:
    check_bits(2, 2, 16, "x")
    check_bits(16, 2, 16, "x")
    for bits in (1, 17):
        with pytest.raises(NumericsError, match=f"x must be 2 to 16 bits wide, not {bits}"):
            check_bits(bits, 2, 16, "x")

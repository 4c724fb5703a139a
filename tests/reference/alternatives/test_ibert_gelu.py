"""i-GELU: the published formula in exact fractions, and what its truncation does to 8 bits."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.ibert_gelu import IBertGelu
from vitaccel.reference.certificate.activation import TRUE


@pytest.mark.parametrize(
    ("scale", "n", "codes"), [(8 / 127, 14, range(-128, 128)), (8 / 127, 0, range(-128, 128)),
                              (2.0**-12, 14, range(-32768, 32768, 97))]
)  # fmt: skip
def test_it_is_the_published_formula(scale: float, n: int, codes: range) -> None:
    grid = scale / 1.4142
    b, c = floor(-1.769 / grid), floor(1 / -0.2888 / grid**2)
    one = floor(1 / (grid**2 * -0.2888 * 2**n))
    expected = []
    for x in codes:
        sign = (x > 0) - (x < 0)
        expected.append(x * (floor(Fraction(sign * ((min(abs(x), -b) + b) ** 2 + c), 2**n)) + one))
    spec = IBertGelu(scale, n)
    assert without_float(spec.compute, torch.tensor(list(codes))).tolist() == expected
    assert spec.output_scale == pytest.approx(scale * grid**2 * -0.2888 * 2**n / 2)


def test_the_parabola_is_within_its_published_error_unless_it_is_truncated_away() -> None:
    codes = torch.arange(-127, 128)
    true = TRUE["gelu"](codes.numpy() * 8 / 127)
    errors = {}
    for n in (0, 14):
        spec = IBertGelu(8 / 127, n)
        errors[n] = float(np.abs(spec.compute(codes).numpy() * spec.output_scale - true).max())
    assert errors[0] < 0.03
    assert errors[14] > 60


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(NumericsError, match="i-GELU must lose 0 to 30 bits, not 31"):
        IBertGelu(1.0, 31)
    with pytest.raises(NumericsError, match="scale of i-GELU"):
        IBertGelu(-1.0)

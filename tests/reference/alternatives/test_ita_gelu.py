"""ITA's GELU: the published formula for every code, its error, and the width of its result."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.ita_gelu import ItaGelu
from vitaccel.reference.certificate.activation import TRUE

CODES = torch.arange(-128, 128)


@pytest.mark.parametrize("scale", [8 / 127, 0.0147, 0.5])
def test_it_is_the_published_formula(scale: float) -> None:
    grid = scale / sqrt(2)
    b, c = int(np.round(-1.769 / grid)), int(np.round(1 / (-0.2888 * grid**2)))
    assert abs(c) < 1 << 15
    expected = []
    for x in (max(int(code), -127) for code in CODES):
        erf = int(np.sign(x)) * ((min(abs(x), -b) + b) ** 2 + c)
        expected.append(x * (erf + c))
    got = without_float(ItaGelu(scale).compute, CODES)
    assert got.tolist() == expected
    assert int(got.abs().max()) < 1 << 25


def test_it_is_within_its_published_error() -> None:
    spec = ItaGelu(8 / 127)
    wrong = spec.compute(CODES[1:]).numpy() * spec.output_scale - TRUE["gelu"](CODES[1:].numpy() * 8 / 127)
    assert 0.015 < np.abs(wrong).max() < 0.02


def test_constants_must_fit_16_bits() -> None:
    ItaGelu(0.0146)
    with pytest.raises(NumericsError, match=r"scale of ITA's GELU must be finite and at least 0\.0145"):
        ItaGelu(0.0145)

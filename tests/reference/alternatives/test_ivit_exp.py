"""I-ViT's exponential: the published formula in exact fractions, its error, and its ends."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.ivit_exp import IVitExp


@pytest.mark.parametrize(("scale", "n"), [(0.034, 15), (0.11, 23), (1.0, 15), (2.0**-16, 8)])
def test_it_is_the_published_formula(scale: float, n: int, seed: int) -> None:
    x0 = floor(-1 / scale)
    values = [0, -1, -2, -15, -16, -17, x0, 2 * x0, -40000, 1, 16]
    values += [int(v) for v in np.random.default_rng(seed).integers(-3000, 1, 200)]
    expected = []
    for value in values:
        p = max(value + floor(Fraction(value, 2)) - floor(Fraction(value, 16)), n * x0)
        k = floor(Fraction(p, x0))
        expected.append(floor((Fraction(p - x0 * k, 2) - x0) * Fraction(2) ** (n - k)))
    assert without_float(IVitExp(scale, n).compute, torch.tensor(values)).tolist() == expected


def test_a_line_for_an_octave_is_within_6_percent() -> None:
    """2**-f ~ 1 - f/2: 6.15 % on an octave with the base 1.4375 (numerics of the primitives)."""
    spec = IVitExp(2.0**-14, 10)
    x = torch.arange(-(1 << 14), 1)
    got = spec.compute(x).numpy() * spec.output_scale
    assert 0.055 < np.abs(got / np.exp(x.numpy() * 2.0**-14) - 1).max() < 0.065


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(NumericsError, match="scale of the shift exponential must be finite and at least"):
        IVitExp(2.0**-25)
    with pytest.raises(NumericsError, match="octaves of the shift exponential must be 1 to 30 bits wide, not 0"):
        IVitExp(1.0, 0)
    with pytest.raises(NumericsError, match="results of the shift exponential must fit 62 bits, not "):
        IVitExp(1.0, 23).compute(torch.tensor([100]))

"""i-exp: the published parabola in exact fractions, its error, and its ends."""

from __future__ import annotations

from math import floor

import numpy as np
import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.ibert_exp import IBertExp


@pytest.mark.parametrize("scale", [0.5, 0.034, 1 / 128, 2.0**-15])
def test_it_is_the_published_formula(scale: float, seed: int) -> None:
    spec = IBertExp(scale)
    x0, b, c = floor(-0.6931 / scale), floor(0.96963238 / 0.35815147 / scale), floor(1 / 0.35815147 / scale**2)
    assert (spec.x0, spec.constants) == (x0, (b, c))
    values = [0, -1, x0, x0 - 1, x0 + 1, 30 * x0, 30 * x0 - 1, -(2**16)]
    values += [int(v) for v in np.random.default_rng(seed).integers(-(2**16), 1, 200)]
    expected = []
    for value in values:
        z, r = divmod(max(value, 30 * x0), x0)
        expected.append(((r * (r + b) + c) << 30) >> z)
    assert without_float(spec.compute, torch.tensor(values)).tolist() == expected


def test_the_parabola_is_within_its_published_error() -> None:
    """On a fine grid the rounding of the constants is small: 0.33 % on an octave (numerics of the primitives)."""
    spec = IBertExp(2.0**-15)
    x = torch.arange(spec.x0 + 1, 1)
    got = spec.compute(x).numpy() * spec.output_scale
    true = np.exp(x.numpy() * 2.0**-15)
    assert 3.2e-3 < np.abs(got / true - 1).max() < 3.4e-3


def test_30_octaves_down_it_is_still_positive() -> None:
    spec = IBertExp(0.034)
    lowest = spec.compute(torch.tensor([-(10**6)]))
    assert 0 < int(lowest) == int(spec.compute(torch.tensor([30 * spec.x0])))
    assert int(lowest) * spec.output_scale == pytest.approx(2.0**-30, rel=1e-3)


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(NumericsError, match="scale of i-exp must be finite and at least"):
        IBertExp(2.0**-21)
    with pytest.raises(NumericsError, match="results of i-exp must fit 62 bits, not 64"):
        IBertExp(2.0**-16).compute(torch.tensor([0]))
    with pytest.raises(NumericsError, match="octaves of i-exp must be 1 to 30 bits wide, not 31"):
        IBertExp(1.0, 31)

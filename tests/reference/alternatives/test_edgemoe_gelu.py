"""Edge-MoE's GELU: its table, its lines in exact fractions, its error, and both ends."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import torch

from tests.reference.no_float import without_float
from vitaccel.reference.alternatives.edgemoe_gelu import EdgeMoeGelu
from vitaccel.reference.certificate.activation import TRUE

ONE = 1 << 22
SPEC = EdgeMoeGelu()


def test_the_table_is_the_difference_to_relu() -> None:
    at = np.arange(173) / 32
    np.testing.assert_array_equal(SPEC.differences[:-1].numpy(), np.round((at - TRUE["gelu"](at)) * ONE))
    assert SPEC.differences[-2:].tolist() == [1, 0]  # one unit is left at 5.375


def test_it_is_a_line_between_two_entries(seed: int) -> None:
    x = np.random.default_rng(seed).integers(-6 * ONE, 6 * ONE, 500)
    expected = []
    for value in x.tolist():
        segment, t = divmod(Fraction(abs(value) * 32, ONE), 1)
        a, b = (int(SPEC.differences[at]) if at < 173 else 0 for at in (segment, segment + 1))
        expected.append(max(value, 0) - (a + floor((b - a) * t)))
    assert without_float(SPEC.compute, torch.from_numpy(x)).tolist() == expected


def test_its_error_is_that_of_a_chord() -> None:
    x = torch.arange(-8 * ONE, 8 * ONE, 997)
    wrong = SPEC.compute(x).numpy() / ONE - TRUE["gelu"](x.numpy() / ONE)
    assert 9e-5 < np.abs(wrong).max() < 1e-4


def test_extremes() -> None:
    lowest, highest = -(2**31), 2**31 - 1
    assert SPEC.compute(torch.tensor([lowest, highest, 0, 6 * ONE, -6 * ONE])).tolist() == [0, highest, 0, 6 * ONE, 0]

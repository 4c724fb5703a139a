"""E2Softmax against its formula in exact fractions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.sole_softmax import SoleSoftmax

HALF = Fraction(1, 2)


def one_row(logits: Sequence[int], fraction: int, bits: int) -> list[int]:
    """``2**-(k + ks + 1)`` times 1.636 or 1.136, in units of ``2**-bits``."""
    distances = [Fraction(max(logits) - q, 1 << fraction) for q in logits]
    k = [min(floor(d + d / 2 - d / 16 + HALF), 15) for d in distances]
    total = sum(Fraction(1, 1 << exponent) for exponent in k)
    ks = floor(total).bit_length() - 1
    constant = Fraction(round((1.636 if total / 2**ks < Fraction(3, 2) else 1.136) * 2**15), 2**15)
    return [floor(constant * Fraction(2) ** (bits - exponent - ks - 1) + HALF) for exponent in k]


@pytest.mark.parametrize(("fraction", "bits"), [(0, 8), (3, 8), (5, 16), (15, 16)])
def test_it_is_the_formula(int8_rows: NDArray[np.int64], fraction: int, bits: int) -> None:
    got = without_float(SoleSoftmax(fraction, bits).compute, torch.from_numpy(int8_rows))
    assert got.tolist() == [one_row(row.tolist(), fraction, bits) for row in int8_rows]


@pytest.mark.parametrize(("largest", "fraction"), [(127.0, 0), (1000.0, 0), (63.0, 1), (4.3, 4), (1e-9, 15), (0.0, 15)])
def test_the_port_is_the_finest_that_does_not_clip(largest: float, fraction: int) -> None:
    assert SoleSoftmax.for_largest(largest).fraction == fraction


def test_equal_and_one_hot_rows() -> None:
    spec = SoleSoftmax(4, 8)
    assert spec.compute(torch.full((1, 4), -128)).tolist() == [[52] * 4]  # 1.636 / 2 / 4 instead of 1 / 4
    assert spec.compute(torch.tensor([[-128, 127]])).tolist() == [[0, 209]]


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(NumericsError, match="fraction of E2Softmax must be 0 to 15 bits, not 16"):
        SoleSoftmax(16)
    with pytest.raises(NumericsError, match="probabilities of E2Softmax must be 4 to 16 bits wide, not 3"):
        SoleSoftmax(4, 3)

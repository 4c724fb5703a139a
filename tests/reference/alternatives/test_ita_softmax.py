"""ITAMax against a logit-by-logit transcription, at its three scales."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor, log, log2

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.ita_softmax import ItaSoftmax

LAYER = ItaSoftmax.layer(0.034)


def one_row(logits: Sequence[int], octave: Fraction) -> list[int]:
    """The published steps for one row; *octave* is one code in octaves."""

    def octaves(distance: int) -> int:
        return floor(distance * octave + Fraction(1, 2))

    maximum, total = -128, 0
    for start in range(0, len(logits), 16):
        part = logits[start : start + 16]
        new = max(maximum, *part)
        total = (total >> octaves(new - maximum)) + sum(256 >> octaves(new - q) for q in part)
        maximum = new
    return [(65280 // total) >> octaves(maximum - q) for q in logits]


@pytest.mark.parametrize(
    ("spec", "octave"),
    [
        (ItaSoftmax.paper(), Fraction(1, 32)),
        (ItaSoftmax.head(), Fraction(1)),
        (LAYER, Fraction(LAYER.multiplier, 1 << 16)),
    ],
)
def test_it_is_the_published_formula(int8_rows: NDArray[np.int64], spec: ItaSoftmax, octave: Fraction) -> None:
    got = without_float(spec.compute, torch.from_numpy(int8_rows))
    assert got.tolist() == [one_row(row.tolist(), octave) for row in int8_rows]


def test_the_scales_are_those_of_an_octave() -> None:
    assert ItaSoftmax.paper().logit_scale * 32 == pytest.approx(log(2))
    assert ItaSoftmax.head().logit_scale == log(2)
    assert LAYER.multiplier / 65536 == pytest.approx(0.034 / log(2), rel=2e-4)
    assert 127.5 * ItaSoftmax.paper().logit_scale == pytest.approx(2.77, abs=0.01)
    assert log2(256) == ItaSoftmax.head().output_bits


def test_equal_and_one_hot_rows() -> None:
    spec = ItaSoftmax.head()
    assert spec.compute(torch.full((1, 4), -128)).tolist() == [[63] * 4]
    assert spec.compute(torch.tensor([[-128, 127, -128]])).tolist() == [[0, 255, 0]]


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(NumericsError, match=r"multiplier of ITAMax must be 1 to 2\*\*32 - 1, not 0"):
        ItaSoftmax(1.0, 0, 0)
    with pytest.raises(NumericsError, match="shift of ITAMax must be 0 to 31 bits, not 32"):
        ItaSoftmax(1.0, 1, 32)
    with pytest.raises(NumericsError, match="scale of ITAMax"):
        ItaSoftmax(0.0, 1, 0)

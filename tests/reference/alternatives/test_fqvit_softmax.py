"""FQ-ViT's log-int-softmax: codes against the logarithm of the exact ratio."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.fqvit_softmax import FqVitSoftmax
from vitaccel.reference.alternatives.ibert_exp import IBertExp


def code(ratio: int) -> int:
    """round(log2(ratio)), where what is half an octave above a power of two, counted linearly, goes up."""
    place = ratio.bit_length() - 1
    return place + (ratio >= Fraction(3, 2) * 2**place)


@pytest.mark.parametrize(("scale", "bits"), [(0.034, 4), (0.2, 4), (0.2, 8)])
def test_a_code_is_the_rounded_logarithm_of_the_rounded_ratio(
    int8_rows: NDArray[np.int64], scale: float, bits: int
) -> None:
    q = torch.from_numpy(int8_rows)
    spec = FqVitSoftmax(scale, bits)
    codes, p = without_float(spec.codes, q).tolist(), without_float(spec.compute, q).tolist()
    for row, got, probabilities in zip(int8_rows, codes, p, strict=True):
        e = IBertExp(scale).compute(torch.from_numpy(row - row.max())).tolist()
        expected = [code(floor(Fraction(sum(e), one) + Fraction(1, 2))) for one in e]
        assert got == expected
        assert [x * spec.output_scale for x in probabilities] == [2.0**-k if k < 2**bits else 0.0 for k in expected]


def test_equal_and_one_hot_rows() -> None:
    spec = FqVitSoftmax(0.1)
    assert spec.codes(torch.zeros(1, 8, dtype=torch.int64)).tolist() == [[3] * 8]
    assert spec.codes(torch.zeros(1, 12, dtype=torch.int64)).tolist() == [[4] * 12]  # 12 = 1.5 * 8 goes up
    assert (spec.compute(torch.tensor([[-128, 127]])) * spec.output_scale).tolist() == [[0.0, 1.0]]


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(NumericsError, match="codes of FQ-ViT must be 2 to 8 bits wide, not 9"):
        FqVitSoftmax(0.1, 9)
    with pytest.raises(NumericsError, match="scale of i-exp"):
        FqVitSoftmax(0.0)

"""I-BERT's softmax against a transcription into floats that hold its integers exactly."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.ibert_softmax import IBertSoftmax


def published(q: NDArray[np.int64], scale: float, output_bits: int) -> NDArray[np.float64]:
    """The published steps in float64; every value is an integer below 2**53 for int8 logits of this scale."""
    x = (q - q.max(-1, keepdims=True)).astype(np.float64)
    x0 = np.floor(-0.6931 / scale)
    x = np.maximum(x, 30 * x0)
    z = np.floor(x / x0)
    r = x - x0 * z
    b, c = np.floor(0.96963238 / 0.35815147 / scale), np.floor(1 / 0.35815147 / scale**2)
    e = np.floor((r * (r + b) + c) * 2.0 ** (30 - z))
    e = np.floor(e / (c * 2.0**30) * 32767 + 0.5)
    f = np.floor(2.0**32 / e.sum(-1, keepdims=True))
    return np.asarray(np.floor(e * f / 2.0 ** (32 - output_bits)))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("scale", [0.034, 0.2])
def test_it_is_the_published_formula(int8_rows: NDArray[np.int64], scale: float, bits: int) -> None:
    got = without_float(IBertSoftmax(scale, bits).compute, torch.from_numpy(int8_rows))
    np.testing.assert_array_equal(got.numpy(), published(int8_rows, scale, bits))


def test_equal_and_one_hot_rows() -> None:
    spec = IBertSoftmax(0.1, 16)
    assert spec.compute(torch.full((1, 4), -128)).tolist() == [[16383] * 4]  # the reciprocal is rounded down
    assert spec.compute(torch.tensor([[-128, 127, -128]])).tolist() == [[0, 65535, 0]]


def test_a_16_bit_port_holds_the_same_values_finer() -> None:
    q = torch.tensor([[0, -7, -20, -90]])
    coarse, fine = IBertSoftmax(0.034, 16).compute(q), IBertSoftmax(0.034 / 256, 16, 16).compute(q * 256)
    true = torch.softmax(q * 0.034, -1).numpy() * 65536
    assert np.abs(fine.numpy() - true).max() < np.abs(coarse.numpy() - true).max()
    assert np.abs(fine.numpy() - true).max() < 100


def test_tiny_scales_do_not_overflow() -> None:
    """All exponentials are nearly 1 where 255 codes are a thousandth."""
    p = IBertSoftmax(2.0**-18, 16).compute(torch.tensor([[-128, 0, 127, 64]]))
    assert [abs(value - 16384) < 20 for value in p[0].tolist()] == [True] * 4


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(NumericsError, match="probabilities of I-BERT must be 2 to 16 bits wide, not 17"):
        IBertSoftmax(0.1, 17)
    with pytest.raises(NumericsError, match="scale of i-exp"):
        IBertSoftmax(0.0)

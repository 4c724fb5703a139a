"""Shiftmax against a transcription into floats, and the saturation that a fine port runs into."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.alternatives.ivit_softmax import IVitSoftmax


def published(q: NDArray[np.int64], scale: float, output_bits: int, n: int) -> NDArray[np.float64]:
    """The published steps in float64, which holds their integers exactly."""
    x = (q - q.max(-1, keepdims=True)).astype(np.float64)
    x = x + np.floor(x / 2) - np.floor(x / 16)
    x0 = np.floor(-1 / scale)
    x = np.maximum(x, n * x0)
    k = np.floor(x / x0)
    e = np.floor(((x - x0 * k) / 2 - x0) * 2.0 ** (n - k))
    f = np.floor((2.0**31 - 1) / np.minimum(e.sum(-1, keepdims=True), 2.0**31 - 1))
    return np.asarray(np.floor(e * f / 2.0 ** (32 - output_bits)))


@pytest.mark.parametrize(("scale", "bits", "n"), [(0.034, 8, 15), (0.034, 16, 15), (0.2, 16, 15), (0.001, 16, 8)])
def test_it_is_the_published_formula(int8_rows: NDArray[np.int64], scale: float, bits: int, n: int) -> None:
    got = without_float(IVitSoftmax(scale, bits, n).compute, torch.from_numpy(int8_rows))
    np.testing.assert_array_equal(got.numpy(), published(int8_rows, scale, bits, n))


def test_equal_and_one_hot_rows() -> None:
    spec = IVitSoftmax(0.1, 8)
    assert spec.output_scale == 1 / 128
    assert spec.compute(torch.full((1, 4), 127)).tolist() == [[31] * 4]
    assert spec.compute(torch.tensor([[-128, 127, -128]])).tolist() == [[0, 127, 0]]


def test_with_15_octaves_a_16_bit_port_saturates_the_sum() -> None:
    """577 equal logits: every exponential is 1 / scale * 2**15, their sum beyond 2**31, and the row sums to 8."""
    p = IVitSoftmax(0.1 / 256, 16, 15, 16).compute(torch.zeros(1, 577, dtype=torch.int64))
    assert float(p.sum()) / (1 << 15) > 8


def test_what_it_cannot_take_is_refused() -> None:
    with pytest.raises(NumericsError, match="probabilities of I-ViT must be 2 to 16 bits wide, not 1"):
        IVitSoftmax(0.1, 1)
    with pytest.raises(NumericsError, match="logits of I-ViT must be 2 to 16 bits wide, not 32"):
        IVitSoftmax(0.1, 8, 15, 32)

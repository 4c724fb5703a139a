"""Token resampling: its matrix keeps sums, extremes, batches, integers only."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError
from vitaccel.reference.certificate.resample import linear_matrix
from vitaccel.reference.requantize import Requantize
from vitaccel.reference.resample import TokenResample, quantize_matrix


def test_rows_that_sum_to_one_keep_equal_tokens(seed: int) -> None:
    rng = np.random.default_rng(seed)
    random = rng.random((9, 20))
    for matrix in (random / random.sum(1, keepdims=True), np.eye(5), np.full((2, 7), 1 / 7), linear_matrix(10, 3)):
        codes, scale = quantize_matrix(matrix)
        sums = set(codes.sum(1).tolist())
        assert len(sums) == 1
        assert sums.pop() * scale == pytest.approx(1, abs=1e-7)
        spec = TokenResample.from_matrix(matrix, 0.1, 0.1)
        equal = torch.tensor([-128, -127, -1, 0, 1, 127]).repeat(matrix.shape[1], 1)
        assert torch.equal(spec.compute(equal), equal[:1].expand(len(matrix), -1))


def test_codes_are_within_a_step_and_rows_keep_their_sums(seed: int) -> None:
    matrix = np.random.default_rng(seed).normal(0, 3, (40, 60))
    codes, scale = quantize_matrix(matrix)
    assert codes.dtype is torch.int8
    assert scale == np.float32(scale)
    assert codes.abs().max() == 127
    exact = matrix / scale
    assert np.abs(codes.numpy() - exact).max() < 1 + 1e-5
    assert np.abs(codes.numpy().sum(1, dtype=int) - exact.sum(1)).max() <= 0.5 + 1e-3


def test_the_largest_remainders_go_up_first_and_ties_to_the_left() -> None:
    # 127 / 0.5 steps: 31.75 each, and three of the four go up.
    codes, scale = quantize_matrix([[0.5, 0.125, 0.125, 0.125, 0.125], [0.25] * 5])
    assert codes[0].tolist() == [127, 32, 32, 32, 31]
    assert scale == np.float32(0.5 / 127)


def test_a_common_denominator_is_found() -> None:
    codes, scale = quantize_matrix([[0.5, 0.125, 0.125, 0.125, 0.125]])
    assert codes.tolist() == [[124, 31, 31, 31, 31]]  # of 248; 254 would be nearer to 127 and less exact
    assert scale == np.float32(1 / 248)


@pytest.mark.parametrize("matrix", [[[0.0, 0.0]], [[1e-30, 0.0]], [[200.0, -199.0]], [[-3.0, 2.0]]])
def test_odd_matrices_stay_in_range(matrix: list[list[float]]) -> None:
    codes, scale = quantize_matrix(matrix)
    assert codes.abs().max() <= 127
    assert np.abs(codes.numpy() * scale - np.array(matrix)).max() <= scale * 1.00001


def test_it_is_the_product_requantized_at_any_batch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spec = TokenResample.from_matrix(rng.normal(0, 1, (6, 11)), 0.03, 0.07, 16)
    x = torch.from_numpy(rng.integers(-128, 128, (4, 11, 8), dtype=np.int8))
    got = without_float(spec.compute, x)
    factor = spec.requantize.real
    exact = spec.matrix.long() @ x.long()
    assert got.flatten().tolist() == [math.floor(int(acc) * factor + factor.__class__(1, 2)) for acc in exact.flatten()]
    assert torch.equal(got, torch.stack([spec.compute(one) for one in x]))
    assert spec.compute(x[:0]).shape == (0, 6, 8)


def test_extremes_saturate() -> None:
    spec = TokenResample.from_matrix([[1.0, 1.0], [-1.0, -1.0]], 1.0, 1.0)
    tokens = torch.tensor([[127, -128], [127, -128]])
    assert spec.compute(tokens).tolist() == [[127, -128], [-128, 127]]


@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [
        ([1.0, 2.0], r"a token map must be a matrix of finite numbers, not of shape \[2\]"),
        ([[]], r"a token map must be a matrix of finite numbers, not of shape \[1, 0\]"),
        ([[math.nan]], r"a token map must be a matrix of finite numbers, not of shape \[1, 1\]"),
    ],
)
def test_what_is_no_matrix_is_refused(matrix: Any, sentence: str) -> None:
    with pytest.raises(NumericsError, match=sentence):
        TokenResample.from_matrix(matrix, 1.0, 1.0)


def test_codes_and_scales_out_of_range_are_refused() -> None:
    factor = Requantize.from_scale(0.5, 8)
    with pytest.raises(NumericsError, match="a token map must be within ±127, not 128"):
        TokenResample(torch.tensor([[-128]], dtype=torch.int8), factor)
    with pytest.raises(NumericsError, match=r"must be a matrix of up to 131071 columns, not \[1, 131072\]"):
        TokenResample(torch.zeros((1, 131072), dtype=torch.int8), factor)
    for scales in ((0.0, 1.0), (1.0, math.inf)):
        with pytest.raises(NumericsError, match="scales of a token map must be positive and finite"):
            TokenResample.from_matrix([[1.0]], *scales)

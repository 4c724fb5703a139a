"""Weight grids: columns by themselves, biases that fit, no scale of zero."""

from __future__ import annotations

import numpy as np
import pytest

from vitaccel.quantization.weights import BIAS_STEPS, bias_floor, column_scales, matrix_scale, nearest


def error(matrix: np.ndarray, scales: np.ndarray, bits: int) -> np.ndarray:
    result: np.ndarray = np.square(nearest(matrix, scales, bits) * scales - matrix).sum(axis=0)
    return result


@pytest.mark.parametrize("bits", [4, 8])
def test_no_column_is_worse_than_with_its_whole_range(bits: int, seed: int) -> None:
    matrix = np.random.default_rng(seed).standard_normal((200, 30)) * np.geomspace(1e-6, 1e3, 30)
    whole = np.abs(matrix).max(axis=0) / (2 ** (bits - 1) - 1)
    scales = column_scales(matrix, bits)
    assert np.all(error(matrix, scales, bits) <= error(matrix, whole, bits) * (1 + 1e-5))
    assert np.array_equal(scales, scales.astype(np.float32))
    if bits == 4:
        assert error(matrix, scales, 4).sum() < 0.9 * error(matrix, whole, 4).sum()


def test_inputs_decide_what_counts() -> None:
    matrix = np.array([[1.0], [0.1], [0.13]])
    loud = column_scales(matrix, 4, power=np.array([1.0, 0, 0]))
    quiet = column_scales(matrix, 4, power=np.array([0.0, 1, 1]))
    assert error(matrix[:1], loud, 4) < error(matrix[:1], quiet, 4)
    assert error(matrix[1:], quiet, 4) < error(matrix[1:], loud, 4)


@pytest.mark.parametrize("bits", [4, 8])
def test_a_column_of_zeros_has_a_scale(bits: int) -> None:
    scales = column_scales(np.zeros((5, 2)), bits)
    assert np.all(scales > 0)
    assert not nearest(np.zeros((5, 2)), scales, bits).any()


def test_a_bias_always_fits() -> None:
    matrix, bias = np.full((4, 2), 1e-12), np.array([1.0, 0.0])
    scales = column_scales(matrix, 8, floor=bias_floor(bias, 0.05))
    assert abs(bias[0] / (0.05 * scales[0])) <= BIAS_STEPS * (1 + 1e-6)
    assert scales[1] < scales[0]


def test_pooling_and_interpolation_matrices_are_almost_exact() -> None:
    thirds = np.array([[1 / 3, 1 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3, 0]])
    scale = matrix_scale(thirds)
    assert np.abs(nearest(thirds, scale, 8) * scale - thirds).max() < 1e-7
    assert matrix_scale(np.zeros((2, 2))) > 0

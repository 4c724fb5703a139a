"""Compensated rounding loses less where inputs are correlated, and nothing where there is nothing to gain."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vitaccel.quantization.compensation import BLOCK, Compensation
from vitaccel.quantization.weights import column_scales, nearest


def correlated(generator: np.random.Generator, rows: int, width: int) -> np.ndarray:
    return generator.standard_normal((rows, width // 4)) @ generator.standard_normal(
        (width // 4, width)
    ) + 0.1 * generator.standard_normal((rows, width))


@pytest.mark.parametrize(("bits", "share"), [(4, 0.5), (8, 0.5)])
@pytest.mark.parametrize("width", [40, BLOCK + 24])
def test_correlated_inputs(bits: int, share: float, width: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, matrix = correlated(generator, 2000, width), generator.standard_normal((width, 24))
    scales = column_scales(matrix, bits)
    moments = torch.from_numpy(x.T @ x).float()
    plain = nearest(matrix, scales, bits) * scales
    made_up = Compensation(moments, 0.01).round(matrix, scales, bits)
    assert np.array_equal(made_up, np.round(made_up))
    assert np.abs(made_up).max() <= 2 ** (bits - 1) - 1
    fresh = correlated(np.random.default_rng(seed), 2000, width)
    errors = [np.square(fresh @ (q - matrix)).sum() for q in (made_up * scales, plain)]
    assert errors[0] < share * errors[1]


def test_the_published_recursion(seed: int) -> None:
    """Rounding row by row with the inverse of what is left of H, as in the paper, without blocks or factors."""
    generator = np.random.default_rng(seed)
    x, matrix = correlated(generator, 500, 12), generator.standard_normal((12, 5))
    scales = column_scales(matrix, 4)
    moments = x.T @ x
    damped = moments + 0.01 * np.diag(moments).mean() * np.eye(12)
    order = np.argsort(-np.diag(moments), kind="stable")
    rest, inverse = matrix[order].copy(), np.linalg.inv(damped[order][:, order])
    expected = np.empty_like(rest)
    for row in range(12):
        expected[row] = nearest(rest[row], scales, 4)
        slack = (rest[row] - expected[row] * scales) / inverse[row, row]
        rest -= np.outer(inverse[:, row], slack)
        inverse = inverse - np.outer(inverse[:, row], inverse[row]) / inverse[row, row]
    found = Compensation(torch.from_numpy(moments).float(), 0.01).round(matrix, scales, 4)
    # float32 against float64: a weight that lies on a rounding edge may fall to either side.
    assert np.mean(found[order] != expected) <= 2 / 60


def test_independent_inputs_round_to_nearest(seed: int) -> None:
    matrix = np.random.default_rng(seed).standard_normal((20, 6))
    scales = column_scales(matrix, 8)
    found = Compensation(torch.eye(20), 0.01).round(matrix, scales, 8)
    assert np.array_equal(found, nearest(matrix.astype(np.float32), scales.astype(np.float32), 8))


def test_silent_inputs_do_no_harm(seed: int) -> None:
    matrix = np.random.default_rng(seed).standard_normal((6, 3))
    scales = column_scales(matrix, 4)
    for moments in (torch.zeros(6, 6), torch.diag(torch.tensor([1.0, 0, 0, 2, 0, 1]))):
        assert np.isfinite(Compensation(moments, 0.01).round(matrix, scales, 4)).all()

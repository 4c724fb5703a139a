"""Matrix ops beside loops in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vitaccel.ir import ops

Run = Callable[..., np.ndarray]


def test_linear_multiplies_the_last_axis_and_adds_the_bias(run_op: Run, draw: Run) -> None:
    x, w, b = draw(2, 5, 4), draw(4, 3), draw(3)
    expected = np.zeros((2, 5, 3))
    for image, token, channel in np.ndindex(2, 5, 3):
        expected[image, token, channel] = sum(
            float(x[image, token, k]) * float(w[k, channel]) for k in range(4)
        ) + float(b[channel])
    np.testing.assert_allclose(run_op(ops.Linear(), x, w, b), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(run_op(ops.Linear(), x, w), expected - b, rtol=1e-5, atol=1e-5)


def test_linear_takes_a_plain_matrix(run_op: Run, draw: Run) -> None:
    x, w = draw(5, 4), draw(4, 3)
    np.testing.assert_allclose(run_op(ops.Linear(), x, w), np.einsum("mk,kn->mn", x, w), rtol=1e-5, atol=1e-5)


def test_matmul_broadcasts_leading_axes(run_op: Run, draw: Run) -> None:
    a, b = draw(2, 1, 3, 4), draw(5, 4, 6)
    expected = np.einsum("bmk,hkn->bhmn", a[:, 0], b)
    np.testing.assert_allclose(run_op(ops.MatMul(), a, b), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["matmul", "resize", "pool"])
def test_token_mix_mixes_the_tokens_of_every_image(run_op: Run, draw: Run, kind: str) -> None:
    x, m = draw(2, 7, 3), draw(4, 7)
    expected = np.einsum("mn,bnc->bmc", m, x)
    np.testing.assert_allclose(run_op(ops.TokenMix(kind), x, m), expected, rtol=1e-5, atol=1e-5)

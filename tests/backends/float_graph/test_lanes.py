"""Lane work beside its definitions in float64."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from vitaccel.backends.float_graph.lanes import ACTIVATION
from vitaccel.ir import ops

Run = Callable[..., np.ndarray]

DEFINITION: dict[str, Callable[[float], float]] = {
    "gelu": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
    "gelu_tanh": lambda x: 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "gelu_sigmoid": lambda x: x / (1 + math.exp(-1.702 * x)),
    "relu": lambda x: max(x, 0),
    "relu6": lambda x: min(max(x, 0), 6),
    "silu": lambda x: x / (1 + math.exp(-x)),
    "hardswish": lambda x: x * min(max(x / 6 + 0.5, 0), 1),
    "hardsigmoid": lambda x: min(max(x / 6 + 0.5, 0), 1),
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": math.tanh,
}


@pytest.mark.parametrize("kind", ops.ACTIVATIONS)
def test_activation_is_its_definition(run_op: Run, kind: str) -> None:
    x = np.linspace(-8, 8, 1601, dtype=np.float32)
    expected = [DEFINITION[kind](float(value)) for value in x]
    np.testing.assert_allclose(run_op(ops.Activation(kind), x), expected, rtol=1e-5, atol=1e-6)


def test_every_activation_has_a_formula() -> None:
    assert set(ACTIVATION) == set(ops.ACTIVATIONS)


@pytest.mark.parametrize("eps", [1e-6, 0.5])
def test_layernorm_normalises_the_last_axis(run_op: Run, draw: Run, eps: float) -> None:
    x, gamma, beta = draw(2, 3, 8), draw(8), draw(8)
    wide = x.astype(np.float64)
    centred = wide - wide.mean(-1, keepdims=True)
    expected = gamma * centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps) + beta
    np.testing.assert_allclose(run_op(ops.LayerNorm(eps), x, gamma, beta), expected, rtol=1e-4, atol=1e-5)


def test_add_and_mul_broadcast(run_op: Run, draw: Run) -> None:
    a, b = draw(2, 1, 4), draw(3, 1)
    np.testing.assert_array_equal(run_op(ops.Add(), a, b), a + b)
    np.testing.assert_array_equal(run_op(ops.Mul(), a, b), a * b)


def test_softmax_survives_large_logits(run_op: Run) -> None:
    x = np.array([[1000.0, 1000.0, -1000.0], [0.0, math.log(2), math.log(5)]], np.float32)
    np.testing.assert_allclose(run_op(ops.Softmax(), x), [[0.5, 0.5, 0], [1 / 8, 2 / 8, 5 / 8]], rtol=1e-6)


def test_mean_is_over_tokens(run_op: Run, draw: Run) -> None:
    x = draw(2, 5, 3)
    expected = sum(x[:, token].astype(np.float64) for token in range(5)) / 5
    np.testing.assert_allclose(run_op(ops.Mean(), x), expected, rtol=1e-5, atol=1e-6)

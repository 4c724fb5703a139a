"""Tokens that a matmul does not compute come out as the constants they are."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backends.interpreter.networks import Case, machine_of, quantized
from vitaccel.backends.image.model import Model
from vitaccel.backends.image.positions import own_tokens, position_table
from vitaccel.errors import UnsupportedError
from vitaccel.ir.plan import MatMulKernel


def embedding(name: str, seed: int) -> tuple[Case, Model, MatMulKernel]:
    case = Case(quantized(name, seed), machine_of("8x8"), seed)
    kernel = next(k for k in case.plan.kernels if isinstance(k, MatMulKernel) and k.label == "embed.patch")
    return case, Model(case.lowered.graph, case.plan, {}), kernel


@pytest.mark.parametrize(("name", "first"), [("vit", 1), ("vit-mean", 2), ("deit-distilled", 2)])
def test_own_tokens_stand_behind_the_learned_ones(name: str, first: int, seed: int) -> None:
    case, model, kernel = embedding(name, seed)
    own = own_tokens(model, kernel)
    assert (own.first, own.count) == (first, 35)
    learned = case.run().taps[kernel.out][:, 0, :first]
    assert (learned == learned[:1]).all()
    of_bias = np.full(18, 5)
    table = position_table(model, kernel, of_bias)
    np.testing.assert_array_equal(table[:first] + of_bias, learned[0])


def test_a_sum_of_constants_that_does_not_fit_is_refused(seed: int) -> None:
    _, model, kernel = embedding("vit", seed)
    with pytest.raises(UnsupportedError, match="positions and joined tokens must fit 16 bits"):
        position_table(model, kernel, np.full(18, 70_000))

"""The check for float tensors finds them wherever they hide."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.reference.no_float import FloatTensorError, NoFloat, without_float

X = torch.arange(12).reshape(3, 4)


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x + 1,
        lambda x: (x @ x.T) >> 3,
        lambda x: x.cummax(-1).values,
        lambda _x: torch.tensor([1, 2, 3]) * 2,
        lambda x: torch.bucketize(x, torch.arange(3)),
    ],
)
def test_integers_pass(compute: Callable[[Tensor], Tensor]) -> None:
    assert torch.equal(without_float(compute, X), compute(X))


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x / 2,
        lambda x: (x * 0.5).to(torch.int64),
        lambda x: x.float().long(),
        lambda x: x.sum().sqrt().long(),
        lambda _x: torch.tensor([1.0]),
        lambda _x: torch.zeros(3),
        lambda _x: torch.empty(3, dtype=torch.bfloat16),
        lambda _x: torch.from_numpy(np.ones(3)) > 0,
        lambda x: torch.exp2(x),
        lambda x: torch.nn.functional.gelu(x.double()).long(),
        lambda x: x.to(torch.complex64),
        lambda x: x.sum(dtype=torch.float32),
    ],
)
def test_a_float_tensor_is_found(compute: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(FloatTensorError, match=r"(takes|makes) a tensor of torch\.(float|bfloat|complex)"):
        without_float(compute, X)


def test_a_computation_that_never_touches_a_tensor_proves_nothing() -> None:
    with pytest.raises(AssertionError, match="no operation of PyTorch was seen"):
        without_float(lambda: 1)


def test_outside_the_check_floats_are_free() -> None:
    with NoFloat():
        pass
    assert (X / 2).dtype is torch.float32

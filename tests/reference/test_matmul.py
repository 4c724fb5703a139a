"""Integer products: exact for every kind of operand, proven or refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.reference.no_float import without_float
from vitaccel.errors import NumericsError, UnsupportedError
from vitaccel.reference.matmul import (
    accumulate,
    accumulate_unsigned,
    accumulator_bound,
    check_accumulator,
    check_depth,
)


def codes(seed: int, low: int, high: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(low, high, shape))


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int64])
def test_products_are_exact_in_every_dtype(dtype: torch.dtype, seed: int) -> None:
    a, b = codes(seed, -128, 128, 2, 3, 17, 33).to(dtype), codes(seed + 1, -128, 128, 3, 33, 5).to(dtype)
    got = without_float(accumulate, a, b)
    assert got.dtype is torch.int32
    assert torch.equal(got.long(), (a.long()[..., None] * b.long()[:, None]).sum(-2))


def test_uint8_by_int8_and_the_extremes() -> None:
    u, v = torch.full((1, 65793), 255, dtype=torch.uint8), torch.full((65793, 1), -128, dtype=torch.int8)
    assert accumulate(u, v).item() == 65793 * 255 * -128  # the deepest sum of digits that fits
    check_depth("av", 65793, 255 * 128)
    deep = torch.full((1, 131071), -128, dtype=torch.int8)
    assert accumulate(deep, deep.T).item() == 131071 << 14
    check_depth("qk", 131071, 1 << 14)


@pytest.mark.parametrize("bits", [1, 8, 9, 12, 16])
def test_digits_give_the_direct_product(bits: int, seed: int) -> None:
    u, v = codes(seed, 0, 2**bits, 4, 9, 600), codes(seed, -128, 128, 4, 600, 7)
    u[0], v[0] = 2**bits - 1, -128
    got = without_float(accumulate_unsigned, u, v, bits)
    assert got.dtype is torch.int64
    assert torch.equal(got, u @ v)
    assert got[0, 0, 0] == 600 * (2**bits - 1) * -128


def test_a_row_is_the_same_in_any_batch(seed: int) -> None:
    a, b = codes(seed, -128, 128, 6, 50, 40), codes(seed, -128, 128, 40, 30)
    whole = accumulate(a, b)
    assert torch.equal(
        whole, torch.stack([torch.cat([accumulate(rows[i : i + 7], b) for i in range(0, 50, 7)]) for rows in a])
    )
    assert accumulate(a[:0], b).shape == (0, 50, 30)


@pytest.mark.parametrize("activation_bits", [2, 4, 8])
def test_the_bound_is_what_the_worst_activations_reach(activation_bits: int, seed: int) -> None:
    low, high = -(2 ** (activation_bits - 1)), 2 ** (activation_bits - 1) - 1
    w, b = codes(seed, -128, 128, 4, 6), codes(seed, -2000, 2000, 6)
    inputs = torch.cartesian_prod(*[torch.tensor([low, 0, high])] * 4)
    sums = inputs @ w
    worst = torch.cat([sums, sums + b]).abs().amax(0)
    assert torch.equal(accumulator_bound(w, b, activation_bits), worst)
    assert torch.equal(accumulator_bound(w, None, activation_bits), sums.abs().amax(0))


def test_a_layer_that_just_fits_passes_and_one_more_is_refused_by_name() -> None:
    # 131072 * 128 * 127 + 2**24 - 1 = 2**31 - 2**24 + 2**24 - 1
    w = torch.zeros((131072, 3), dtype=torch.int8)
    w[:, 1] = -127
    bias = torch.tensor([0, 2**24 - 1, 0])
    check_accumulator("block0.mlp.fc1", w, bias)
    with pytest.raises(UnsupportedError) as error:
        check_accumulator("block0.mlp.fc1", w, bias + 1)
    assert str(error.value) == (
        "accumulator of 'block0.mlp.fc1' must fit 32 bits, not 33: "
        "output channel 1 can reach 2147483648, supported is 2147483647"
    )


def test_a_bias_alone_can_overflow_and_a_bias_does_not_hide_an_overflow() -> None:
    w = torch.full((131073, 1), -127)
    with pytest.raises(UnsupportedError, match="output channel 0"):
        check_accumulator("head", torch.full((200_000, 1), 127), torch.tensor([-(2**30)]))
    check_accumulator("head", w, torch.tensor([0]))
    with pytest.raises(UnsupportedError, match="'head'"):
        check_accumulator("head", w, torch.tensor([2**31 - 1]))


def test_a_product_of_activations_that_is_too_deep_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError) as error:
        check_depth("block3.attn", 65794, 255 * 128)
    assert str(error.value) == (
        "accumulator of 'block3.attn' must fit 32 bits, not 33: "
        "a sum of 65794 products can reach 2147516160, supported is 2147483647"
    )


def test_layers_without_columns_pass() -> None:
    check_accumulator("none", torch.zeros((8, 0), dtype=torch.int8))


def test_what_is_no_product_is_refused() -> None:
    x = torch.zeros((2, 3), dtype=torch.int8)
    with pytest.raises(NumericsError, match="a matmul must multiply integers, not"):
        accumulate(x.float(), x.T)
    with pytest.raises(NumericsError, match=r"must be of \[M, K\] and \[K, N\], not \[2, 3\] and \[2, 3\]"):
        accumulate(x, x)
    with pytest.raises(NumericsError, match="numerators must have 1 to 16 bits, not 17"):
        accumulate_unsigned(x, x.T, 17)

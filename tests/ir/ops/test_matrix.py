"""Matrix work: result shapes by NumPy, MACs by counting the indices of the contraction."""

from __future__ import annotations

import re
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitaccel.ir.ops.base import Op
from vitaccel.ir.ops.matrix import Conv2d, Linear, MatMul, TokenMix
from vitaccel.ir.types import TensorType

SIZES = st.integers(1, 5)
LEADING = st.lists(SIZES, max_size=3).map(tuple)


def types(*shapes: tuple[int, ...]) -> tuple[TensorType, ...]:
    return tuple(TensorType(shape) for shape in shapes)


def contraction(spec: str, *shapes: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Return the shape of an einsum, and its multiply-accumulates: one for each value of all indices."""
    indices = spec.split("->")[0].split(",")
    sizes = {i: d for letters, shape in zip(indices, shapes, strict=True) for i, d in zip(letters, shape, strict=True)}
    return np.einsum(spec, *map(np.zeros, shapes)).shape, prod(sizes.values())


def counted(op: Op, *shapes: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    operands = types(*shapes)
    result = op.infer(*operands)
    assert op.macs_dense(operands, result) == op.macs(operands, result)
    return result.static_shape, op.macs(operands, result)


def refusal(op: Op, *shapes: tuple[int, ...]) -> str:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the caller compares the sentence
        op.infer(*types(*shapes))
    return str(refused.value)


@given(LEADING, SIZES, SIZES, st.booleans())
def test_a_linear_layer(leading: tuple[int, ...], k: int, n: int, bias: bool) -> None:
    letters = "abc"[: len(leading)]
    expected = contraction(f"{letters}k,kn->{letters}n", (*leading, k), (k, n))
    assert counted(Linear(), (*leading, k), (k, n), *[(n,)] * bias) == expected


@given(st.data(), SIZES, SIZES, SIZES)
def test_a_matmul_of_activations(data: st.DataObject, m: int, k: int, n: int) -> None:
    result = data.draw(LEADING)
    a, b = (tuple(data.draw(st.sampled_from([1, d])) for d in result)[data.draw(st.integers(0, 3)) :] for _ in "ab")
    product = np.matmul(np.zeros((*a, m, k)), np.zeros((*b, k, n)))
    assert counted(MatMul(), (*a, m, k), (*b, k, n)) == (product.shape, product.size * k)


@given(SIZES, SIZES, SIZES, SIZES)
def test_token_mixing(batch: int, m: int, n: int, channels: int) -> None:
    shape, macs = contraction("bnc,mn->bmc", (batch, n, channels), (m, n))
    for kind, counts in (("matmul", macs), ("resize", 0), ("pool", 0)):
        assert counted(TokenMix(kind=kind), (batch, n, channels), (m, n)) == (shape, counts)


@given(
    st.tuples(st.integers(1, 2), st.integers(3, 8), st.integers(3, 8)),
    st.tuples(*[st.integers(1, 3)] * 5),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(*[st.integers(0, 2)] * 4),
)
def test_a_convolution(
    image: tuple[int, int, int],
    sizes: tuple[int, int, int, int, int],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
) -> None:
    batch, height, width = image
    groups, inputs, outputs, tall, wide = sizes
    top, left, bottom, right = padding
    padded = np.zeros((height + top + bottom, width + left + right))
    seen = np.lib.stride_tricks.sliding_window_view(padded, (tall, wide))[:: stride[0], :: stride[1]]
    # Every output channel multiplies each element of its window with the input channels of its group.
    macs = batch * groups * outputs * inputs * seen.size
    op = Conv2d(stride=stride, padding=padding, groups=groups)
    x, w = (batch, groups * inputs, height, width), (groups * outputs, inputs, tall, wide)
    assert counted(op, x, w) == ((batch, groups * outputs, *seen.shape[:2]), macs)
    assert counted(op, x, w, (groups * outputs,)) == ((batch, groups * outputs, *seen.shape[:2]), macs)


def test_dilation_widens_the_window_and_adds_no_macs() -> None:
    assert counted(Conv2d(dilation=(2, 1)), (1, 1, 9, 9), (1, 1, 3, 3)) == ((1, 1, 5, 7), 5 * 7 * 9)


def test_a_patch_embedding_of_vit_base() -> None:
    shape, macs = counted(Conv2d(stride=(16, 16)), (1, 3, 224, 224), (768, 3, 16, 16), (768,))
    assert (shape, macs) == ((1, 768, 14, 14), 196 * 768 * 768)


@pytest.mark.parametrize(
    ("op", "shapes", "sentence"),
    [
        (Linear(), [(1, 5, 4), (3, 6)], "linear of f32[1,5,4] by f32[3,6] must agree in K"),
        (Linear(), [(1, 5, 4), (4, 6, 1)], "linear of f32[1,5,4] by f32[4,6,1] must agree in K"),
        (Linear(), [(1, 5, 4), (4, 6), (4,)], "linear bias must have N elements"),
        (Linear(), [(1, 5, 4), (4, 6), (1, 6)], "linear bias must have N elements"),
        (MatMul(), [(2, 3), (2, 3)], "matmul of f32[2,3] by f32[2,3] must agree in K"),
        (MatMul(), [(3,), (3, 2)], "matmul of f32[3] by f32[3,2] must agree in K"),
        (MatMul(), [(3, 2), (2,)], "matmul of f32[3,2] by f32[2] must agree in K"),
        (MatMul(), [(2, 3, 4), (3, 4, 5)], "(2,) and (3,) must broadcast"),
        (TokenMix(), [(1, 5, 4), (3, 4)], "token_mix of f32[1,5,4] by f32[3,4] must agree in tokens"),
        (TokenMix(), [(5, 4), (3, 5)], "token_mix of f32[5,4] by f32[3,5] must agree in tokens"),
        (TokenMix(), [(1, 5, 4), (1, 3, 5)], "token_mix of f32[1,5,4] by f32[1,3,5] must agree in tokens"),
        (TokenMix(kind="conv"), [(1, 5, 4), (3, 5)], "token_mix kind must be known, not 'conv'"),
        (Conv2d(), [(3, 8, 8), (4, 3, 1, 1)], "conv2d must see 4-D operands, not f32[3,8,8] and f32[4,3,1,1]"),
        (Conv2d(), [(1, 3, 8, 8), (4, 3, 1)], "conv2d must see 4-D operands, not f32[1,3,8,8] and f32[4,3,1]"),
        (Conv2d(), [(1, 3, 8, 8), (4, 2, 1, 1)], "conv2d of f32[1,3,8,8] by f32[4,2,1,1] must agree in channels"),
        (
            Conv2d(groups=3),
            [(1, 3, 8, 8), (3, 3, 1, 1)],
            "conv2d of f32[1,3,8,8] by f32[3,3,1,1] must agree in channels",
        ),
        (
            Conv2d(groups=3),
            [(1, 3, 8, 8), (4, 1, 1, 1)],
            "conv2d of f32[1,3,8,8] by f32[4,1,1,1] must agree in channels",
        ),
        (Conv2d(), [(1, 3, 8, 8), (4, 3, 1, 1), (3,)], "conv2d bias must have O elements"),
        (Conv2d(), [(1, 3, 8, 8), (4, 3, 9, 1)], "window (9, 1) must fit into f32[1,3,8,8]"),
    ],
)
def test_what_does_not_fit_is_refused(op: Op, shapes: list[tuple[int, ...]], sentence: str) -> None:
    assert refusal(op, *shapes) == sentence


def test_an_unknown_dimension_is_refused_where_it_must_be_known() -> None:
    with pytest.raises(ValueError, match=re.escape("shape must be static, not f32[1,?,8,8]")):
        Conv2d().infer(TensorType((1, None, 8, 8)), TensorType((4, 3, 1, 1)))
    assert Linear().infer(TensorType((None, 4)), TensorType((4, 6))) == TensorType((None, 6))

"""Work of the lanes: result types, rejections, and that none of it counts as MACs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitaccel.ir.ops.base import Op
from vitaccel.ir.ops.lane import ACTIVATIONS, Activation, Add, LayerNorm, Mean, Mul, Pool2d, Resize2d, Softmax
from vitaccel.ir.types import TensorType

SHAPES = st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple)


def inferred(op: Op, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the result, which costs no MACs."""
    operands = tuple(TensorType(shape) for shape in shapes)
    result = op.infer(*operands)
    assert result.element == "f32"
    assert op.macs(operands, result) == op.macs_dense(operands, result) == 0
    return result.static_shape


def refusal(op: Op, *shapes: tuple[int, ...]) -> str:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the caller compares the sentence
        op.infer(*(TensorType(shape) for shape in shapes))
    return str(refused.value)


@given(SHAPES)
def test_what_works_on_each_element_or_row_keeps_the_shape(shape: tuple[int, ...]) -> None:
    ops: list[Op] = [*(Activation(kind) for kind in ACTIVATIONS), Softmax()]
    assert {inferred(op, shape) for op in ops} == {shape}
    assert inferred(LayerNorm(), shape, shape[-1:], shape[-1:]) == shape


@pytest.mark.parametrize("op", [Add(), Mul()])
@given(shapes=st.tuples(SHAPES, SHAPES))
def test_sums_and_products_broadcast(op: Op, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    try:
        expected = np.broadcast_shapes(*shapes)
    except ValueError:
        assert refusal(op, *shapes) == f"{shapes[0]} and {shapes[1]} must broadcast"
        return
    assert inferred(op, *shapes) == expected


@pytest.mark.parametrize(
    ("op", "shapes", "result"),
    [
        (Mean(), [(2, 5, 4)], (2, 4)),
        (Pool2d(kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1)), [(1, 64, 112, 112)], (1, 64, 56, 56)),
        (Pool2d("avg", kernel=(2, 3), stride=(1, 2), padding=(0, 1, 0, 0)), [(2, 3, 5, 7)], (2, 3, 4, 3)),
        (Pool2d(kernel=(2, 2)), [(1, 1, 5, 6)], (1, 1, 4, 5)),
        (Resize2d(7, 5), [(2, 3, 14, 14)], (2, 3, 7, 5)),
        (Resize2d(7, 5, mode="nearest", antialias=True), [(2, 3, 1, 1)], (2, 3, 7, 5)),
    ],
)
def test_what_changes_the_shape(op: Op, shapes: list[tuple[int, ...]], result: tuple[int, ...]) -> None:
    assert inferred(op, *shapes) == result


@pytest.mark.parametrize(
    ("op", "shapes", "sentence"),
    [
        (LayerNorm(), [(1, 5, 4), (5,), (5,)], "layernorm of f32[1,5,4] must have 4 gammas and betas"),
        (LayerNorm(), [(1, 5, 4), (4,), (1,)], "layernorm of f32[1,5,4] must have 4 gammas and betas"),
        (LayerNorm(), [(1, 5, 4), (1,), (4,)], "layernorm of f32[1,5,4] must have 4 gammas and betas"),
        (LayerNorm(), [(1, 5, 4), (1, 4), (1, 4)], "layernorm of f32[1,5,4] must have 4 gammas and betas"),
        (
            Activation("elu"),
            [(4,)],
            "activation must be one of gelu, gelu_tanh, gelu_sigmoid, relu, relu6, silu, hardswish, hardsigmoid, "
            "sigmoid, tanh, not 'elu'",
        ),
        (Mean(), [(5, 4)], "mean must see tokens [B, N, C], not f32[5,4]"),
        (Mean(), [(1, 4, 3, 3)], "mean must see tokens [B, N, C], not f32[1,4,3,3]"),
        (Pool2d("sum"), [(1, 4, 3, 3)], "pool2d kind must be max or avg, not 'sum'"),
        (Pool2d(kernel=(3, 4)), [(1, 4, 3, 3)], "window (3, 4) must fit into f32[1,4,3,3]"),
        (Pool2d(), [(4, 3, 3)], "pool2d must see an image [B, C, H, W], not f32[4,3,3]"),
        (Resize2d(), [(4, 3, 3)], "resize2d must see an image [B, C, H, W], not f32[4,3,3]"),
    ],
)
def test_what_does_not_fit_is_refused(op: Op, shapes: list[tuple[int, ...]], sentence: str) -> None:
    assert refusal(op, *shapes) == sentence

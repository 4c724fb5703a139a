"""Views: the shapes NumPy gives, the element kept, no MACs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitaccel.ir.ops.base import Op
from vitaccel.ir.ops.view import Broadcast, Concat, FromTokens, Reshape, Select, Slice, ToTokens, Transpose
from vitaccel.ir.types import ELEMENTS, TensorType

SIZES = st.integers(1, 5)
SHAPES = st.lists(SIZES, min_size=1, max_size=4).map(tuple)


def inferred(op: Op, *shapes: tuple[int, ...], element: str = "i64") -> tuple[int, ...]:
    """Return the shape of the result, which has the operands' element and costs no MACs."""
    operands = tuple(TensorType(shape, element) for shape in shapes)
    result = op.infer(*operands)
    assert result.element == element
    assert op.macs(operands, result) == op.macs_dense(operands, result) == 0
    return result.static_shape


def refusal(op: Op, *operands: TensorType) -> str:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the caller compares the sentence
        op.infer(*operands)
    return str(refused.value)


@given(st.tuples(SIZES, SIZES, SIZES, SIZES))
def test_images_become_tokens_and_back(image: tuple[int, int, int, int]) -> None:
    batch, channels, height, width = image
    tokens = np.zeros(image).reshape(batch, channels, -1).swapaxes(1, 2).shape
    assert inferred(ToTokens(), image, element="f32") == tokens
    assert inferred(FromTokens(height, width), tokens, element="f32") == image


@given(SHAPES, st.randoms(use_true_random=False), st.sampled_from(ELEMENTS))
def test_reshapes_and_transposes(shape: tuple[int, ...], random: object, element: str) -> None:
    perm = tuple(random.sample(range(len(shape)), len(shape)))  # type: ignore[attr-defined]
    moved = np.zeros(shape).transpose(perm).shape
    assert inferred(Transpose(perm), shape, element=element) == moved
    assert inferred(Reshape(moved), shape, element=element) == moved


@given(SHAPES, st.data(), st.sampled_from(ELEMENTS))
def test_slices(shape: tuple[int, ...], data: st.DataObject, element: str) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    start = data.draw(st.integers(0, shape[axis] - 1))
    stop = data.draw(st.integers(start + 1, shape[axis]))
    expected = np.zeros(shape).take(range(start, stop), axis).shape
    assert inferred(Slice(axis, start, stop), shape, element=element) == expected


@given(SHAPES, st.lists(SIZES, min_size=1, max_size=4), st.data(), st.sampled_from(ELEMENTS))
def test_joins(shape: tuple[int, ...], sizes: list[int], data: st.DataObject, element: str) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    parts = [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]
    expected = np.concatenate([np.zeros(part) for part in parts], axis).shape
    assert inferred(Concat(axis), *parts, element=element) == expected


def test_joins_and_slices_are_of_frames_unless_told_otherwise() -> None:
    assert inferred(Concat(), (1, 2), (3, 2)) == (4, 2)
    assert inferred(Slice(stop=2), (3, 2)) == (2, 2)


@given(SHAPES, SHAPES, st.sampled_from(ELEMENTS))
def test_repetitions(shape: tuple[int, ...], wanted: tuple[int, ...], element: str) -> None:
    try:
        expected = np.broadcast_to(np.zeros(shape), wanted).shape
    except ValueError:
        assert "must broadcast" in refusal(Broadcast(wanted), TensorType(shape))
        return
    assert inferred(Broadcast(wanted), shape, element=element) == expected


@pytest.mark.parametrize("index", [(), (1,), (1, 1)])
def test_a_select_gives_a_row_of_its_table(index: tuple[int, ...]) -> None:
    result = Select().infer(TensorType((3, 4, 5)), TensorType(index, "i64"))
    assert result == TensorType((4, 5))


X = TensorType((1, 6, 4))


@pytest.mark.parametrize(
    ("op", "operands", "sentence"),
    [
        (ToTokens(), [X], "to_tokens must see an image [B, C, H, W], not f32[1,6,4]"),
        (FromTokens(2, 2), [X], "6 tokens must be 2 x 2"),
        (FromTokens(2, 3), [TensorType((6, 4))], "from_tokens must see tokens [B, N, C], not f32[6,4]"),
        (Reshape((5, 5)), [X], "reshape of f32[1,6,4] to (5, 5) must keep its size"),
        (Transpose((0, 1)), [X], "perm (0, 1) must permute f32[1,6,4]"),
        (Transpose((0, 1, 1)), [X], "perm (0, 1, 1) must permute f32[1,6,4]"),
        (Slice(1, 0, 7), [X], "slice 0:7 must lie in f32[1,6,4]"),
        (Slice(1, -1, 6), [X], "slice -1:6 must lie in f32[1,6,4]"),
        (Slice(1, 3, 3), [X], "slice 3:3 must lie in f32[1,6,4]"),
        (Slice(3, 0, 1), [X], "axis 3 must be one of f32[1,6,4]"),
        (Slice(-1, 0, 1), [X], "axis -1 must be one of f32[1,6,4]"),
        (Concat(1), [X, TensorType((1, 6, 5))], "concat operands must agree in the other axes"),
        (Concat(2), [X, TensorType((1, 6))], "concat operands must agree in the other axes"),
        (Concat(3), [X, X], "axis 3 must be one of f32[1,6,4]"),
        (Concat(-1), [X, X], "axis -1 must be one of f32[1,6,4]"),
        (Broadcast((1, 1, 4)), [X], "f32[1,6,4] must broadcast to (1, 1, 4)"),
        (Broadcast((6, 4)), [X], "f32[1,6,4] must broadcast to (6, 4)"),
        (Select(), [X, TensorType(())], "select index must be one integer, not f32[]"),
        (Select(), [X, TensorType((2,), "i64")], "select index must be one integer, not i64[2]"),
    ],
)
def test_what_does_not_fit_is_refused(op: Op, operands: list[TensorType], sentence: str) -> None:
    assert refusal(op, *operands) == sentence

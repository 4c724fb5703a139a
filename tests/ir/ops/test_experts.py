"""Mixture of experts: shapes, and MACs counted assignment by assignment."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitaccel.ir.ops.experts import Moe
from vitaccel.ir.types import TensorType

SIZES = st.integers(1, 5)


def operands(**shapes: tuple[int, ...]) -> list[TensorType]:
    """Return the operands of 3 experts on [1, 5, 4] with 6 hidden channels and 2 out, some of them changed."""
    fitting = {"x": (1, 5, 4), "logits": (1, 5, 3), "w1": (3, 4, 6), "b1": (3, 6), "w2": (3, 6, 2), "b2": (3, 2)}
    return [TensorType(shape) for shape in {**fitting, **shapes}.values()]


@given(st.lists(SIZES, min_size=1, max_size=3).map(tuple), st.tuples(SIZES, SIZES, SIZES, SIZES), st.data())
def test_macs_are_those_of_the_assignments_that_fit(
    leading: tuple[int, ...], sizes: tuple[int, int, int, int], data: st.DataObject
) -> None:
    experts, width, hidden, out = sizes
    k = data.draw(st.integers(1, experts))
    capacity = data.draw(st.integers(0, 30))
    op = Moe(experts=experts, k=k, capacity=capacity, order="token" if capacity else "")
    given_types = tuple(
        operands(
            x=(*leading, width),
            logits=(*leading, experts),
            w1=(experts, width, hidden),
            b1=(experts, hidden),
            w2=(experts, hidden, out),
            b2=(experts, out),
        )
    )
    result = op.infer(*given_types)
    assert result == TensorType((*leading, out))
    # The busiest that a capacity allows: assignments dealt out evenly, in turn.
    tokens = TensorType(leading).size
    dealt = [0] * experts
    for assignment in range(tokens * k):
        expert = assignment % experts
        dealt[expert] += not capacity or dealt[expert] < capacity
    per_row = width * hidden + hidden * out
    assert op.macs(given_types, result) == sum(dealt) * per_row
    assert op.macs_dense(given_types, result) == tokens * experts * per_row


@pytest.mark.parametrize(
    ("attributes", "shapes", "sentence"),
    [
        ({"score": "max"}, {}, "moe score must be one of softmax_all, softmax_topk, renorm, not 'max'"),
        ({"k": 0}, {}, "moe k must be 1 to 3, not 0"),
        ({"k": 4}, {}, "moe k must be 1 to 3, not 4"),
        ({}, {"logits": (1, 5, 4)}, "moe router logits f32[1,5,4] must rate 3 experts"),
        ({}, {"logits": (1, 4, 3)}, "moe router logits f32[1,4,3] must rate 3 experts"),
        ({}, {"logits": (5, 3)}, "moe router logits f32[5,3] must rate 3 experts"),
        ({}, {"w1": (3, 5, 6)}, "moe first weights f32[3,5,6] must fit f32[1,5,4]"),
        ({}, {"w1": (4, 4, 6)}, "moe first weights f32[4,4,6] must fit f32[1,5,4]"),
        ({}, {"w1": (3, 4)}, "moe first weights f32[3,4] must fit f32[1,5,4]"),
        ({}, {"w2": (3, 7, 2)}, "moe second weights f32[3,7,2] must fit f32[3,4,6]"),
        ({}, {"w2": (2, 6, 2)}, "moe second weights f32[2,6,2] must fit f32[3,4,6]"),
        ({}, {"w2": (3, 6)}, "moe second weights f32[3,6] must fit f32[3,4,6]"),
        ({}, {"b1": (6,)}, "moe first biases f32[6] must fit f32[3,4,6]"),
        ({}, {"b2": (3, 6)}, "moe second biases f32[3,6] must fit f32[3,6,2]"),
        ({"capacity": 2}, {}, "a moe capacity must come with a drop order"),
        ({"order": "token"}, {}, "a moe capacity must come with a drop order"),
    ],
)
def test_what_does_not_fit_is_refused(
    attributes: dict[str, Any], shapes: dict[str, tuple[int, ...]], sentence: str
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the sentence is compared below
        Moe(**{"experts": 3, **attributes}).infer(*operands(**shapes))
    assert str(refused.value) == sentence

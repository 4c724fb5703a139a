from __future__ import annotations

import numpy as np
import pytest

from vitaccel.frontend.identities import all_equal, equal_operand, is_zero
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input
from vitaccel.ir.types import TensorType

X = TensorType((2, 3))


def kept(op: str, *constants: np.ndarray | None, parameter: bool = False, result: TensorType = X) -> bool:
    """Whether the node equals its operand x; ``None`` stands for x."""
    graph = Graph("g")
    graph.add(Input(), type=X, name="x")
    operands = ["x" if c is None else graph.add_const(c, parameter=parameter) for c in constants]
    return equal_operand(op, operands, constants, result, graph) == "x"


def number(value: float) -> np.ndarray:
    return np.array(value, np.float32)


@pytest.mark.parametrize(
    ("op", "neutral", "first_too"),
    [("Add", 0, True), ("Mul", 1, True), ("Sub", 0, False), ("Div", 1, False), ("Pow", 1, False)],
)
def test_neutral_operands(op: str, neutral: float, first_too: bool) -> None:
    assert kept(op, None, number(neutral))
    assert kept(op, number(neutral), None) == first_too
    assert not kept(op, None, number(neutral + 0.5))
    assert kept(op, None, np.full((2, 3), neutral, np.float32))
    assert not kept(op, None, np.full((4, 2, 3), neutral, np.float32), result=TensorType((4, 2, 3)))


def test_learned_neutral_operands_stay() -> None:
    assert not kept("Add", None, np.zeros(3, np.float32), parameter=True)


def test_views_that_keep_the_shape() -> None:
    assert kept("Reshape", None, np.array([2, 3]))
    assert not kept("Reshape", None, np.array([3, 2]), result=TensorType((3, 2)))
    assert not kept("Transpose", None)


def test_padding_by_nothing() -> None:
    assert kept("Pad", None, np.zeros(4, np.int64))
    assert not kept("Pad", None, np.array([0, 1, 0, -1]))


def test_products_by_zeros() -> None:
    assert is_zero("Mul", [None, number(0)])
    assert not is_zero("Mul", [None, number(1)])
    assert not is_zero("Add", [None, number(0)])


def test_all_equal() -> None:
    assert all_equal(np.full((2, 2), 3.0), 3)
    assert not all_equal(np.array([3.0, 3.0, 4.0]), 3)
    assert not all_equal(np.empty(0), 3)
    assert not all_equal(None, 3)

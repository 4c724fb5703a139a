from __future__ import annotations

import numpy as np
import pytest

from vitaccel.frontend.qdq.nonnegative import is_nonnegative
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Foreign, Input
from vitaccel.ir.types import TensorType

X = TensorType((1, 4))


def chain(*kinds: str) -> tuple[Graph, str]:
    """An input through operators; a number is the constant second operand of the one before it."""
    graph = Graph("g")
    name = graph.add(Foreign("Neg"), [graph.add(Input(), type=X, name="x")], type=X)
    for kind in kinds:
        op, _, number = kind.partition(" ")
        constant = [graph.add_const(np.array(float(number), np.float32))] if number else []
        name = graph.add(Foreign(op), [name, *constant], type=X)
    return graph, name


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [((), False), (("Relu",), True), (("Relu", "MaxPool", "Reshape"), True), (("Relu", "Mul 2"), True),
     (("Relu", "Mul -2"), False), (("Erf", "Add 1"), True), (("Erf", "Add 0.5"), False), (("Add 1",), False),
     (("Pow 2",), True), (("Pow 3",), False), (("Softmax", "Transpose"), True), (("MatMul",), False)],
)  # fmt: skip
def test_operators_tell_signs(kinds: tuple[str, ...], expected: bool) -> None:
    assert is_nonnegative(*chain(*kinds)) is expected


def test_the_host_quantizes_an_input() -> None:
    graph = Graph("g")
    assert is_nonnegative(graph, graph.add(Input(), type=X, name="x"))

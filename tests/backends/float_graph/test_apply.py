"""Every op of the Graph has a float meaning, and an ONNX operator has none."""

from __future__ import annotations

import pytest

from vitaccel.backends.float_graph import node
from vitaccel.backends.float_graph.apply import apply
from vitaccel.errors import UnsupportedError
from vitaccel.ir import ops

LEAVES = {ops.Op, ops.Input, ops.Const, ops.Foreign}


def test_every_op_is_registered() -> None:
    assert node.apply is apply
    classes = {c for c in vars(ops).values() if isinstance(c, type) and issubclass(c, ops.Op)}
    assert {c.__name__ for c in classes - LEAVES - set(apply.registry)} == set()


def test_an_onnx_operator_must_be_recognised_first() -> None:
    with pytest.raises(UnsupportedError) as caught:
        apply(ops.Foreign(op_type="NonZero", origin="/moe/NonZero"))
    assert str(caught.value) == "NonZero '/moe/NonZero' must be recognised before the graph can run in float"


def test_an_op_without_a_formula_is_named() -> None:
    with pytest.raises(UnsupportedError) as caught:
        apply(ops.Op())
    assert str(caught.value) == "op 'op' must have a float meaning to run"

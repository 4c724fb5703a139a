"""Every rule beside onnx's reference evaluator."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from vitaccel.frontend.arithmetic import ELEMENT_LIMIT, RULES, TooLargeError

INTS = np.array([[3, -4, 5], [0, 7, -1]])
MORE = np.array([[2, 3, -2], [1, -3, 4]])
FLOATS = INTS.astype(np.float32) / 2
POSITIVE = np.abs(FLOATS) + 1
BOOLS = INTS > 0


def v(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


CASES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    *((op, (INTS, MORE), {}) for op in ("Add", "Sub", "Mul", "Div", "Mod", "Equal", "Less", "Greater", "LessOrEqual")),
    *((op, (FLOATS, POSITIVE[:1]), {}) for op in ("Add", "Sub", "Mul", "Div", "Equal", "Less", "GreaterOrEqual")),
    ("Mod", (INTS, MORE), {"fmod": 1}),
    ("Pow", (FLOATS, np.array(2.0, np.float32)), {}),
    ("Pow", (np.abs(INTS), np.array(2)), {}),
    *((op, (BOOLS, BOOLS[:1]), {}) for op in ("And", "Or")),
    ("Not", (BOOLS,), {}),
    *((op, (FLOATS,), {}) for op in ("Ceil", "Floor", "Neg", "Exp", "Sin", "Cos", "Identity")),
    *((op, (POSITIVE,), {}) for op in ("Sqrt", "Reciprocal")),
    *(
        ("Cast", (x,), {"to": t})
        for x in (INTS, FLOATS, BOOLS)
        for t in (TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL)
    ),
    ("Concat", (INTS, MORE), {"axis": -1}),
    ("ConstantOfShape", (v(2, 3),), {"value": helper.make_tensor("t", TensorProto.INT64, [1], [7])}),
    ("ConstantOfShape", (v(),), {}),
    ("Expand", (INTS[:, :1], v(2, 1, 4)), {}),
    ("Gather", (INTS, np.array([[1, -1]])), {"axis": 1}),
    ("Gather", (INTS, np.array(0)), {}),
    ("MatMul", (FLOATS, FLOATS.T.copy()), {}),
    ("Range", (np.array(1), np.array(10), np.array(3)), {}),
    ("Range", (np.array(1.5, np.float32), np.array(-1.0, np.float32), np.array(-0.5, np.float32)), {}),
    ("Range", (np.array(5), np.array(1), np.array(1)), {}),
    *((op, (FLOATS, v(0)), {}) for op in ("ReduceMax", "ReduceMin", "ReduceProd", "ReduceSum")),
    ("ReduceSum", (INTS, v(-1)), {"keepdims": 0}),
    ("ReduceSum", (INTS,), {}),
    ("ReduceSum", (INTS,), {"noop_with_empty_axes": 1}),
    ("Reshape", (INTS, v(3, -1)), {}),
    ("Reshape", (INTS, v(0, 3, 1)), {}),
    ("Slice", (INTS, v(1), v(99), v(-1)), {}),
    ("Slice", (INTS, v(-1, 0), v(-99, 1), v(1, 0), v(-1, 1)), {}),
    ("Slice", (INTS, v(2), v(0), v(1), v(-1)), {}),
    ("Slice", (INTS, v(0, 1), v(1, 3)), {}),
    ("Squeeze", (INTS[:, :1], v(1)), {}),
    ("Squeeze", (INTS[:1],), {}),
    ("Tile", (INTS, v(1, 2)), {}),
    ("Transpose", (INTS,), {}),
    ("Transpose", (INTS[None],), {"perm": [1, 0, 2]}),
    ("Unsqueeze", (INTS, v(0, -1)), {}),
    ("Where", (BOOLS, INTS, np.array(9)), {}),
]


def reference(op: str, inputs: tuple[np.ndarray, ...], attributes: dict[str, Any]) -> np.ndarray:
    names = [f"x{i}" for i in range(len(inputs))]
    node = helper.make_node(op, names, ["y"], **attributes)
    infos = [helper.make_value_info(n, onnx.TypeProto()) for n in (*names, "y")]
    model = helper.make_model(
        helper.make_graph([node], "g", infos[:-1], infos[-1:]), opset_imports=[helper.make_opsetid("", 18)]
    )
    return np.asarray(ReferenceEvaluator(model).run(None, dict(zip(names, inputs, strict=True)))[0])


@pytest.mark.parametrize(("op", "inputs", "attributes"), CASES, ids=[f"{c[0]}{i}" for i, c in enumerate(CASES)])
def test_a_rule_agrees_with_the_reference(op: str, inputs: tuple[np.ndarray, ...], attributes: dict[str, Any]) -> None:
    want = reference(op, inputs, attributes)
    plain = {k: onnx.numpy_helper.to_array(a) if isinstance(a, TensorProto) else a for k, a in attributes.items()}
    got = np.asarray(RULES[op](plain, *inputs))
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=1e-6)
    assert got.shape == want.shape


def test_every_rule_has_a_case() -> None:
    assert {op for op, _, _ in CASES} == set(RULES)


def test_the_axes_of_old_reductions_are_an_attribute() -> None:
    np.testing.assert_array_equal(RULES["ReduceMax"]({"axes": [1], "keepdims": 0}, INTS), [5, 7])


@pytest.mark.parametrize(
    ("op", "inputs"),
    [
        ("ConstantOfShape", (v(2**20, 2**20),)),
        ("Expand", (INTS[:1, :1], v(2**20, 2**20))),
        ("Range", (np.array(0), np.array(2**40), np.array(1))),
        ("Tile", (INTS, v(2**30, 1))),
        ("Add", (np.zeros((ELEMENT_LIMIT, 1), np.bool_), INTS[:1])),
        ("Gather", (np.zeros((1, 2)), np.broadcast_to(np.int64(0), (ELEMENT_LIMIT, 1)))),
        ("MatMul", (np.zeros((2**12, 2**12), np.float32), np.zeros((2**12, 2**12), np.float32))),
    ],
)
def test_huge_results_are_not_computed(op: str, inputs: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(TooLargeError):
        RULES[op]({}, *inputs)


def test_the_legacy_exporters_bfloat16_of_a_traced_size_is_a_float() -> None:
    size = RULES["Cast"]({"to": TensorProto.COMPLEX128}, np.array(4, np.int64))
    assert size.dtype == np.float32
    assert size == 4
    with pytest.raises(TypeError, match="casts to the ONNX type 15"):
        RULES["Cast"]({"to": TensorProto.COMPLEX128}, np.ones(3, np.float32))

"""Every rule gives what onnx's own reference evaluator gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TypeProto, helper
from onnx.reference import ReferenceEvaluator

from vitaccel.frontend.recognize.moe.dispatch_rules import DISPATCH_RULES, MANY_OUTPUTS

RNG = np.random.default_rng(7)
FLOATS = RNG.standard_normal((3, 4)).astype(np.float32)
CUBE = RNG.standard_normal((3, 4, 5)).astype(np.float32)
UPDATES = RNG.standard_normal((2, 4)).astype(np.float32)


def ints(*values: Any) -> np.ndarray:
    return np.array(values, np.int64)


def scalar(value: int) -> np.ndarray:
    return np.array(value, np.int64)


CASES: list[tuple[str, dict[str, Any], list[np.ndarray]]] = [
    ("CumSum", {}, [FLOATS, scalar(0)]),
    ("CumSum", {"exclusive": 1}, [FLOATS, scalar(1)]),
    ("CumSum", {"reverse": 1, "exclusive": 1}, [FLOATS, scalar(-1)]),
    ("Einsum", {"equation": "sd,ehd->esh"}, [FLOATS, RNG.standard_normal((2, 6, 4)).astype(np.float32)]),
    ("Einsum", {"equation": "esh,edh->esd"}, [CUBE, RNG.standard_normal((3, 6, 5)).astype(np.float32)]),
    ("Einsum", {"equation": "se,esd->sd"}, [FLOATS.T, CUBE[:, :4]]),
    ("Einsum", {"equation": "ske,skc->sec"}, [CUBE, RNG.standard_normal((3, 4, 2)).astype(np.float32)]),
    ("Einsum", {"equation": "sec,ecd->sd"}, [CUBE, RNG.standard_normal((4, 5, 2)).astype(np.float32)]),
    ("Einsum", {"equation": "ab,cd->ac"}, [FLOATS, FLOATS]),
    ("Einsum", {"equation": "ab->a"}, [FLOATS]),
    ("Flatten", {"axis": 2}, [CUBE]),
    ("GatherElements", {"axis": 1}, [FLOATS, ints([0, 3], [1, 1], [2, 0])]),
    ("GatherND", {}, [CUBE, ints([0, 1], [2, 3])]),
    ("GatherND", {}, [CUBE, ints([[2]], [[0]])]),
    (
        "Gemm",
        {"transB": 1, "alpha": 0.5, "beta": 2.0},
        [FLOATS, RNG.standard_normal((2, 4)).astype(np.float32), UPDATES[0, :2]],
    ),
    ("Gemm", {"transA": 1}, [FLOATS, FLOATS]),
    ("Max", {}, [FLOATS, FLOATS[:, :1]]),
    ("Min", {}, [FLOATS, FLOATS[:1]]),
    ("MatMul", {}, [CUBE, RNG.standard_normal((3, 5, 2)).astype(np.float32)]),
    ("NonZero", {}, [FLOATS > 0]),
    ("OneHot", {}, [ints([0, 2], [1, -1]), scalar(3), np.array([0, 1], np.float32)]),
    ("OneHot", {"axis": 0}, [ints(1, 5, 0), scalar(3), np.array([2, 7], np.float32)]),
    ("ScatterElements", {"axis": 1}, [FLOATS, ints([0, 3], [1, 2], [2, 0]), FLOATS[:, :2]]),
    ("ScatterElements", {"axis": 0, "reduction": "add"}, [FLOATS, ints([0, 1, 2, 0], [0, 1, 0, 1]), UPDATES]),
    ("ScatterND", {}, [FLOATS, ints([2], [0]), UPDATES]),
    ("ScatterND", {"reduction": "add"}, [FLOATS, ints([2], [2]), UPDATES]),
    ("Shape", {}, [CUBE]),
    ("Shape", {"start": 1, "end": -1}, [CUBE]),
    ("Softmax", {"axis": 0}, [FLOATS]),
    ("Split", {"axis": 1}, [CUBE, ints(1, 3)]),
    ("TopK", {"axis": -1}, [FLOATS, ints(3)]),
    ("TopK", {"axis": 1, "largest": 0}, [FLOATS, ints(2)]),
    ("TopK", {}, [np.array([[1, 3, 3, 0, 3], [2, 2, 2, 2, 2]], np.float32), ints(2)]),
]


@pytest.mark.parametrize(("kind", "attributes", "inputs"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)])
def test_a_rule_is_the_onnx_operator(kind: str, attributes: dict[str, Any], inputs: list[np.ndarray]) -> None:
    outputs = ["y0", "y1"] if kind in MANY_OUTPUTS else ["y0"]
    names = [f"x{i}" for i in range(len(inputs))]
    node = helper.make_node(kind, names, outputs, **attributes)
    sides = [[helper.make_value_info(n, TypeProto()) for n in group] for group in (names, outputs)]
    model = helper.make_model(helper.make_graph([node], "g", *sides), opset_imports=[helper.make_opsetid("", 18)])
    expected = ReferenceEvaluator(model).run(None, dict(zip(names, inputs, strict=True)))
    if kind in MANY_OUTPUTS:
        found = [MANY_OUTPUTS[kind](attributes, *inputs, output=i) for i in range(2)]
    else:
        found = [DISPATCH_RULES[kind](attributes, *inputs)]
    for got, want in zip(found, expected, strict=True):
        assert got.shape == np.asarray(want).shape
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "attributes", "inputs"),
    [
        ("GatherND", {"batch_dims": 1}, [FLOATS, ints([0], [1], [2])]),
        ("ScatterND", {"reduction": "max"}, [FLOATS, ints([2], [0]), UPDATES]),
    ],
)
def test_what_a_rule_does_not_cover_it_says(kind: str, attributes: dict[str, Any], inputs: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"it has batch_dims|its reduction is max"):
        DISPATCH_RULES[kind](attributes, *inputs)

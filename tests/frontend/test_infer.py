from __future__ import annotations

import numpy as np
import onnx
import pytest

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend.infer import TypeInference
from vitaccel.ir.types import TensorType

F = TensorType((2, 3))


def outputs(
    node: str, types: list[TensorType | None], values: list[np.ndarray | None] | None = None
) -> list[TensorType | None]:
    text = (
        f'<ir_version: 8, opset_import: ["": 18, "com.microsoft": 1, "com.microsoft.nchwc": 1]> g () => () {{ {node} }}'
    )
    model = onnx.parser.parse_model(text)
    inference = TypeInference(model)
    inference.check(model.graph.node[0], "the node")
    return inference.outputs(model.graph.node[0], "the node", types, values or [None] * len(types))


def test_types_follow_from_types_and_values() -> None:
    assert outputs("y = Relu(x)", [F]) == [F]
    assert outputs("y = Reshape(x, s)", [F, TensorType((1,), "i64")], [None, np.array([-1])]) == [TensorType((6,))]
    assert outputs("y = Cast<to=7>(x)", [F]) == [TensorType((2, 3), "i64")]
    assert outputs("y = NonZero(x)", [F]) == [TensorType((2, None), "i64")]


def test_outputs_and_inputs_left_out() -> None:
    assert outputs('y, "" = Dropout(x)', [F])[0] == F
    assert outputs('y = Clip(x, "", z)', [F, None, TensorType(())]) == [F]


def test_operators_of_onnxruntime() -> None:
    assert outputs("y = com.microsoft.Gelu(x)", [F]) == [F]
    with pytest.raises(UnsupportedError, match=r"must be one of BiasGelu, FastGelu, .* in domain com.microsoft"):
        outputs("y = com.microsoft.FusedMatMul(x, x)", [F, F])
    for wrong in ("k = [1, 2]", "axis = 1"):
        with pytest.raises(ModelError, match=r"^the node must have attributes of com.microsoft.MoE, not '(k|axis)'$"):
            outputs(f"y = com.microsoft.MoE<{wrong}>(x)", [F])


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("y = Relux(x)", r"^the node must be a standard ONNX operator of opset 18 \(did you mean 'Relu'\?\)$"),
        ("y = Gelu(x)", r"^the node must be a standard ONNX operator of opset 18"),
        (
            "y = com.microsoft.nchwc.ReorderInput(x)",
            r"^the node must be a standard ONNX operator, not one of domain 'com.microsoft.nchwc': give the model as",
        ),
        (
            "y = ai.onnx.ml.Scaler(x)",
            r"must come from an operator set the model imports, not from domain 'ai.onnx.ml'$",
        ),
    ],
)
def test_unknown_operators(node: str, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        outputs(node, [F])


@pytest.mark.parametrize(
    ("node", "types"),
    [
        ("y = MatMul(x, z)", [F, F]),
        ("y = Relu(x, z)", [F, F]),
        ("y = Concat(x)", [F]),
        ("y = Relu<axis=1>(x)", [F]),
        ("y = Erf(x)", [TensorType((1,), "bool")]),
    ],
)
def test_nodes_that_break_a_rule(node: str, types: list[TensorType | None]) -> None:
    with pytest.raises(ModelError, match=r"^the node must be valid ONNX, but [^\n]+$"):
        outputs(node, types)

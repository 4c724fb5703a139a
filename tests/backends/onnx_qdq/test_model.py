from __future__ import annotations

import numpy as np
import onnx
import pytest

from vitaccel.backends.onnx_qdq import to_onnx
from vitaccel.backends.onnx_qdq.model import OPSET
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Input, Linear
from vitaccel.ir.types import TensorType


def network() -> Graph:
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((1, 4, 3)), name="x")
    weight = graph.add_const(np.eye(3, dtype=np.float32), name="w", sources=["fc.weight"])
    graph.outputs = [graph.add(Activation(), [graph.add(Linear(), [x, weight], name="y")])]
    graph.update("w", scale=(1.0, 0.5, 0.25), fmt="int8")
    graph.update("y", scale=(0.1,), fmt="int16")
    return graph


def test_a_model_of_standard_operators_and_integers() -> None:
    model = to_onnx(network(), quantization='{"a": 1}')
    onnx.checker.check_model(model, full_check=True)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", OPSET)]
    assert {p.key: p.value for p in model.metadata_props} == {"vitaccel.quantization": '{"a": 1}'}
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    assert np.array_equal(stored["fc.weight.integers"], np.diag([1, 2, 4]))
    assert stored["fc.weight.integers"].dtype == np.int8
    assert [node.op_type for node in model.graph.node] == [
        "DequantizeLinear", "MatMul", "QuantizeLinear", "DequantizeLinear", "Gelu", "Identity",
    ]  # fmt: skip


def test_what_is_not_quantized_stays_float() -> None:
    graph = network()
    graph.update("w", scale=())
    graph.update("y", scale=())
    assert [node.op_type for node in to_onnx(graph).graph.node] == ["MatMul", "Gelu", "Identity"]
    assert len(to_onnx(graph).metadata_props) == 0


def test_a_constant_off_its_grid_is_refused() -> None:
    graph = network()
    graph.update("w", scale=(0.3, 0.3, 0.3))
    with pytest.raises(ValueError, match=r"^constant .* must lie on the grid of its scale$"):
        to_onnx(graph)

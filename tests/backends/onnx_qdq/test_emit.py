from __future__ import annotations

import numpy as np
import pytest

from vitaccel.backends.onnx_qdq import to_onnx
from vitaccel.errors import UnsupportedError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Foreign, Input, Linear, Slice
from vitaccel.ir.types import TensorType


def test_an_operator_that_was_not_recognised_cannot_be_written() -> None:
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((1, 2)), name="x")
    graph.outputs = [graph.add(Foreign("Celu"), [x], type=TensorType((1, 2)))]
    with pytest.raises(UnsupportedError, match=r"^op 'onnx' must be recognised before the graph can be written"):
        to_onnx(graph)


def test_matrix_products_read_the_narrow_copy_once() -> None:
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((1, 4, 3)), name="x")
    graph.update(x, scale=(0.001,), fmt="int16", narrow_scale=0.1)
    weight = graph.add_const(np.eye(3, dtype=np.float32))
    linears = [graph.add(Linear(), [x, weight]) for _ in range(2)]
    first = graph.add(Linear(), [graph.add(Slice(1, 0, 1), [x]), weight])
    graph.outputs = [graph.add(Add(), linears), graph.add(Activation(), [x]), first]
    model = to_onnx(graph)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("QuantizeLinear") == 3  # x, its copy, and the copy of its slice
    by_output = {output: node for node in model.graph.node for output in node.output}
    (gelu,) = [node for node in model.graph.node if node.op_type == "Gelu"]
    assert by_output[gelu.input[0]].input[1] == by_output[by_output[gelu.input[0]].input[0]].input[1]

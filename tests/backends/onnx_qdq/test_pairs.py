from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from vitaccel.backends.onnx_qdq.builder import Builder
from vitaccel.backends.onnx_qdq.pairs import integer_type, narrowest, pair, stored


def run(builder: Builder, output: str, x: np.ndarray | None = None) -> np.ndarray:
    inputs = [] if x is None else [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)]
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)]
    graph = helper.make_graph(builder.nodes, "g", inputs, outputs, builder.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(None, {} if x is None else {"x": x})[0]
    return found


@pytest.mark.parametrize(
    ("fmt", "low", "high"), [("int8", -128, 127), ("int16", -32768, 32767), ("q9.6", -32768, 32767)]
)
def test_a_pair_rounds_and_saturates(fmt: str, low: int, high: int) -> None:
    builder = Builder()
    x = np.array([0.49, 0.51, -0.51, 1e9, -1e9, 3], np.float32)
    found = run(builder, pair(builder, "x", (0.25,), fmt, axis=0, stem="v"), x)
    assert found.tolist() == [0.5, 0.5, -0.5, high / 4, low / 4, 3.0]


def test_a_pair_has_a_scale_for_each_channel() -> None:
    builder = Builder()
    found = run(builder, pair(builder, "x", (1.0, 0.5), "int8", axis=1, stem="v"), np.full((1, 2, 2), 0.7, np.float32))
    assert found.tolist() == [[[1, 1], [0.5, 0.5]]]


@pytest.mark.parametrize("shape", [(), (1, 1, 5), (3, 1, 5), (3, 1, 1), (1, 4, 1), (3, 4, 5)])
def test_stored_integers_are_dequantized_along_any_axes(shape: tuple[int, ...], seed: int) -> None:
    rng, builder = np.random.default_rng(seed), Builder()
    integers = rng.integers(-128, 128, (3, 4, 5)).astype(np.int32)
    steps = rng.uniform(0.1, 1, shape).astype(np.float32).reshape(shape or (1, 1, 1))
    name = stored(builder, integers, steps, "int8", stem="w")
    assert np.array_equal(run(builder, name), integers.astype(np.float32) * steps)


def test_types_of_formats() -> None:
    assert [integer_type(f) for f in ("int4", "q5.6", "int32")] == [
        TensorProto.INT4,
        TensorProto.INT16,
        TensorProto.INT32,
    ]
    with pytest.raises(ValueError, match=r"^the format of a quantized value must be int4, .* or q9.6, not 'f32'$"):
        integer_type("f32")
    assert [narrowest(np.array([n])) for n in (-128, 128, 40000)] == [
        TensorProto.INT8,
        TensorProto.INT16,
        TensorProto.INT32,
    ]

from __future__ import annotations

import random

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from vitaccel.frontend.wire import INLINE_LIMIT_BYTES, WireError, without_weights


@pytest.fixture
def model() -> onnx.ModelProto:
    big = np.arange(INLINE_LIMIT_BYTES, dtype=np.float32).reshape(2, -1)
    small = np.ones(3, np.float32)
    info = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 2])
    nodes = [helper.make_node("MatMul", ["x", "big"], ["y"], doc_string="é")]
    tensors = [numpy_helper.from_array(a, n) for n, a in (("big", big), ("small", small))]
    graph = helper.make_graph(nodes, "g", [info], [info], tensors, value_info=[info])
    return helper.make_model(graph, producer_name="me")


def test_only_large_weights_leave_the_model(model: onnx.ModelProto) -> None:
    data = model.SerializeToString()
    lean = onnx.ModelProto.FromString(without_weights(memoryview(data), "file.onnx"))
    entry = {e.key: e.value for e in lean.graph.initializer[0].external_data}
    offset, length = int(entry["offset"]), int(entry["length"])
    assert entry["location"] == "file.onnx"
    assert data[offset : offset + length] == model.graph.initializer[0].raw_data
    # What is left is the model but for that tensor's data and the types somebody inferred before.
    lean.graph.initializer[0].CopyFrom(model.graph.initializer[0])
    lean.graph.value_info.extend(model.graph.value_info)
    assert lean == model


def test_data_that_says_it_is_inside_is_moved_all_the_same(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].data_location = onnx.TensorProto.DEFAULT
    lean = onnx.ModelProto.FromString(without_weights(memoryview(model.SerializeToString()), "file.onnx"))
    assert lean.graph.initializer[0].data_location == onnx.TensorProto.EXTERNAL
    assert not lean.graph.initializer[0].HasField("raw_data")


def test_every_truncation_is_noticed_or_harmless(model: onnx.ModelProto) -> None:
    data = model.SerializeToString()
    for end in range(len(data) - 200, len(data)):
        try:
            without_weights(memoryview(data[:end]), "file.onnx")
        except WireError:
            continue
        onnx.ModelProto.FromString(data[:end])


def test_noise_gives_bytes_or_an_error(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(2000):
        noise = rng.randbytes(rng.randrange(64))
        try:
            without_weights(memoryview(b"\x3a" + bytes([len(noise)]) + noise), "file.onnx")
        except WireError as error:
            assert str(error)  # noqa: PT017

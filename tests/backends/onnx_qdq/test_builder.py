from __future__ import annotations

import numpy as np
from onnx import TensorProto, numpy_helper

from vitaccel.backends.onnx_qdq.builder import Builder


def test_names_are_new_and_constants_shared() -> None:
    builder = Builder()
    assert [builder.fresh("a") for _ in range(3)] == ["a", "a.1", "a.2"]
    assert builder.ints(1, 2) == builder.ints(1, 2) != builder.ints(2)
    assert builder.number(0.5) == builder.number(0.5)
    assert builder.zero(TensorProto.INT16) != builder.zero(TensorProto.INT16, 3)
    zeros = {t.name: numpy_helper.to_array(t).reshape(-1).tolist() for t in builder.initializers if "zero" in t.name}
    assert list(zeros.values()) == [[0], [0, 0, 0]]
    builder.zero(TensorProto.UINT8)
    assert numpy_helper.to_array(builder.initializers[-1]) == 128


def test_four_bits_are_packed_as_onnx_packs_them() -> None:
    builder, values = Builder(), np.array([[-8, 7, 0], [1, -1, 3], [2, 2, -3]])
    builder.integers(values, TensorProto.INT4, stem="w")
    assert builder.initializers[0].data_type == TensorProto.INT4
    assert np.array_equal(numpy_helper.to_array(builder.initializers[0]).astype(int), values)


def test_nodes_have_attributes_and_metadata() -> None:
    builder = Builder()
    first, second = builder.ops("TopK", "x", builder.ints(2), stem="n", outputs=2, axis=-1)
    assert (first, second) == ("n/TopK:0", "n/TopK:1")
    builder.op("Relu", first, stem="n", metadata={"a": "b"})
    assert [(p.key, p.value) for p in builder.nodes[1].metadata_props] == [("a", "b")]
    assert builder.nodes[0].attribute[0].i == -1

"""Arrays become tensors without a warning and without changing a value."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
import torch

from vitaccel.backends.float_graph.node import tensor_of, value_of
from vitaccel.errors import VerifyError
from vitaccel.ir import ops
from vitaccel.ir.graph import Graph
from vitaccel.ir.types import TensorType


@pytest.mark.parametrize(
    "view",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(6, dtype=np.float16).reshape(3, 2).T,
        np.arange(6, dtype=np.float32).reshape(2, 3)[:, ::-1],
        np.arange(6, dtype=ml_dtypes.bfloat16),
        np.broadcast_to(np.arange(3, dtype=np.float32), (2, 3)),
        np.frombuffer(np.arange(6, dtype=">f4").tobytes(), ">f4").reshape(2, 3),
    ],
    ids=["f64", "f16-transposed", "f32-reversed", "bf16", "broadcast", "big-endian-read-only"],
)
def test_any_float_array_becomes_float32(view: np.ndarray) -> None:
    tensor = tensor_of(view)
    assert tensor.dtype == torch.float32
    assert tensor.tolist() == view.astype(np.float64).tolist()


def test_integers_become_int64_and_booleans_stay() -> None:
    assert tensor_of(np.array([1, 2], np.int32)).dtype == torch.int64
    assert tensor_of(np.array([True])).dtype == torch.bool


def test_a_writeable_float32_array_is_not_copied() -> None:
    array = np.zeros((3, 4), np.float32).T
    assert tensor_of(array).data_ptr() == array.ctypes.data


def test_a_value_of_another_type_than_its_node_is_a_defect() -> None:
    graph = Graph("wrong")
    x = graph.add(ops.Input(), type=TensorType((2, 3)), name="x")
    y = graph.add(ops.Softmax(), [x], type=TensorType((3, 2)), name="y")
    with pytest.raises(VerifyError) as caught:
        value_of(graph, y, {}, [torch.zeros(2, 3)])
    assert str(caught.value) == "y = softmax must have type f32[3,2], not f32[2,3]"

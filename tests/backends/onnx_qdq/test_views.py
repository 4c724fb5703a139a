from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest

from vitaccel.backends.onnx_qdq import to_onnx
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Broadcast, Concat, FromTokens, Input, Reshape, Select, Slice, ToTokens, Transpose
from vitaccel.ir.types import TensorType


def test_views_move_elements(agrees: Any) -> None:
    agrees(ToTokens(), (2, 3, 4, 5))
    agrees(FromTokens(4, 5), (2, 20, 3))
    agrees(Reshape((2, 30)), (2, 5, 6))
    agrees(Transpose((2, 0, 1)), (2, 5, 6))
    agrees(Slice(1, 2, 4), (2, 5, 6))
    agrees(Concat(1), (2, 5, 6), (2, 3, 6))
    agrees(Broadcast((3, 2, 5)), (2, 1))


@pytest.mark.parametrize("shape", [(), (1,)])
def test_a_row_is_selected(weight: Any, shape: tuple[int, ...]) -> None:
    graph, table = Graph("g"), weight(3, 4, 2)
    index = graph.add(Input(), type=TensorType(shape, "i64"), name="task")
    graph.outputs = [graph.add(Select(), [graph.add_const(table), index])]
    session = onnxruntime.InferenceSession(to_onnx(graph).SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"task": np.full(shape, 2, np.int64)})
    assert np.array_equal(found, table[2])

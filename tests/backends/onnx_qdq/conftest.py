"""One op written as ONNX, run by onnxruntime and by the float Graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest

from vitaccel.backends.float_graph import evaluate
from vitaccel.backends.onnx_qdq import to_onnx
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input, Op
from vitaccel.ir.types import TensorType


@pytest.fixture
def agrees(seed: int) -> Callable[..., list[str]]:
    """Return ``agrees(op, *operands)``: shapes are inputs, arrays constants; gives the ONNX operators."""

    def check(op: Op, *operands: Any) -> list[str]:
        rng, graph, feeds = np.random.default_rng(seed), Graph("g"), {}
        names = []
        for at, operand in enumerate(operands):
            if isinstance(operand, np.ndarray):
                names.append(graph.add_const(operand))
                continue
            name = graph.add(Input(), type=TensorType(operand), name=f"x{at}")
            feeds[name] = rng.standard_normal(operand).astype(np.float32)
            names.append(name)
        graph.outputs = [graph.add(op, names)]
        model = to_onnx(graph)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        (found,), (expected,) = session.run(None, feeds), evaluate(graph, feeds)
        assert np.abs(found - expected).max() <= 2e-5 * max(np.abs(expected).max(), 1)
        return [node.op_type for node in model.graph.node if node.op_type != "Identity"]

    return check


@pytest.fixture
def weight(seed: int) -> Callable[..., np.ndarray]:
    rng = np.random.default_rng(seed + 1)
    return lambda *shape: rng.standard_normal(shape).astype(np.float32)

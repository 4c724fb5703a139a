"""Runs one op as a graph of its own, its operands as inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vitaccel.backends.float_graph import evaluate
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input, Op
from vitaccel.ir.types import TensorType
from vitaccel.ir.verify import verify_graph


@pytest.fixture
def run_op() -> Callable[..., np.ndarray]:
    """Return ``run(op, *operands)``, the float value of the op; its inferred type is checked on the way."""

    def run(op: Op, *operands: np.ndarray) -> np.ndarray:
        graph = Graph("one_op")
        names = []
        for index, operand in enumerate(operands):
            element = {"f": "f32", "i": "i64", "b": "bool"}[operand.dtype.kind]
            names.append(graph.add(Input(), type=TensorType(operand.shape, element), name=f"x{index}"))
        graph.outputs = [graph.add(op, names)]
        verify_graph(graph, after="the test")
        (result,) = evaluate(graph, dict(zip(names, operands, strict=True)))
        return result

    return run


@pytest.fixture
def draw(seed: int) -> Callable[..., np.ndarray]:
    """Return ``draw(*shape)``, a new normal float32 array of that shape."""
    generator = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return generator.standard_normal(shape).astype(np.float32)

    return normal

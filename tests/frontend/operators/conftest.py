"""One ONNX node at a time: translated, run as a Graph, and compared with onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from vitaccel.backends.float_graph import evaluate
from vitaccel.frontend.normalize import normalize
from vitaccel.frontend.translate import translate
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Const, Foreign, Input

TOLERANCE = 1e-5


def one_node(op_type: str, *operands: Any, opset: int = 18, outputs: int = 1, **attributes: Any) -> onnx.ModelProto:
    """A model of one node; a tuple is the shape of an input, an array a constant, None an operand left out."""
    names, inputs, constants = [], [], []
    for at, operand in enumerate(operands):
        name = "" if operand is None else f"x{at}"
        names.append(name)
        if isinstance(operand, np.ndarray):
            constants.append(numpy_helper.from_array(operand, name))
        elif operand is not None:
            inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, operand))
    results = [f"y{at}" for at in range(outputs)]
    node = helper.make_node(op_type, names, results, name="the_node", **attributes)
    values = [helper.make_tensor_value_info(r, TensorProto.FLOAT, None) for r in results]
    graph = helper.make_graph([node], "one", inputs, values, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def translated(model: onnx.ModelProto) -> tuple[Graph, dict[str, str]]:
    """The Graph of a model and the reasons of what is refused in it."""
    graph = normalize(model).graph
    return graph, translate(graph).refused


@pytest.fixture
def agrees(seed: int) -> Callable[..., list[str]]:
    """Return ``agrees(op_type, *operands, ...)``: checks the values, returns the names of the operations made."""

    def check(op_type: str, *operands: Any, **how: Any) -> list[str]:
        return run(one_node(op_type, *operands, **how), seed)

    return check


@pytest.fixture
def model_agrees(seed: int) -> Callable[[str], list[str]]:
    """Return ``model_agrees(text)``: the same for a model in onnx's textual syntax."""
    return lambda text: run(onnx.parser.parse_model(text), seed)


@pytest.fixture
def refusal() -> Callable[..., str]:
    """Return ``refusal(op_type, *operands, ...)``: why the node is refused; "" if it is not."""

    def ask(op_type: str, *operands: Any, **how: Any) -> str:
        refused = translated(one_node(op_type, *operands, **how))[1]
        return next(iter(refused.values()), "")

    return ask


@pytest.fixture
def left() -> Callable[..., bool]:
    """Return ``left(op_type, *operands, ...)``: whether the node is left for the recognisers, without a reason."""

    def ask(op_type: str, *operands: Any, **how: Any) -> bool:
        graph, refused = translated(one_node(op_type, *operands, **how))
        return not refused and any(isinstance(graph[n].op, Foreign) for n in graph.topological())

    return ask


def run(model: onnx.ModelProto, seed: int) -> list[str]:
    graph, refused = translated(model)
    assert refused == {}
    rng = np.random.default_rng(seed)
    feeds = {n: rng.standard_normal(graph[n].type.static_shape).astype(np.float32) for n in graph.inputs}
    want = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)
    got = evaluate(graph, feeds)
    assert len(got) == len(want)
    for ours, theirs in zip(got, want, strict=True):
        assert ours.shape == theirs.shape
        assert float(np.abs(ours - theirs).max()) <= TOLERANCE * max(float(np.abs(theirs).max()), 1.0)
    names = [graph[n].op for n in graph.topological()]
    return [op.name for op in names if not isinstance(op, Const | Input)]

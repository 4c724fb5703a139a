"""A whole Graph in float: order of outputs, feeds, taps, memory and the missing extra."""

from __future__ import annotations

import sys
import weakref

import numpy as np
import pytest

from vitaccel.backends import float_graph
from vitaccel.backends.float_graph import evaluate
from vitaccel.errors import UnsupportedError, VitaccelError
from vitaccel.ir import ops
from vitaccel.ir.graph import Graph
from vitaccel.ir.types import TensorType


@pytest.fixture
def graph() -> Graph:
    """y = relu(2x + 1) and z = -x, z first."""
    graph = Graph("two_outputs")
    x = graph.add(ops.Input(), type=TensorType((1, 2, 2)), name="x")
    w = graph.add_const(2 * np.eye(2, dtype=np.float32), parameter=True)
    b = graph.add_const(np.ones(2, np.float16), parameter=True)
    linear = graph.add(ops.Linear(), [x, w, b], name="linear")
    y = graph.add(ops.Activation("relu"), [linear], name="y")
    z = graph.add(ops.Mul(), [x, graph.add_const(np.array(-1.0))], name="z")
    graph.outputs = [z, y]
    return graph


X = np.array([[[1.0, -2.0], [-0.25, 3.0]]], np.float32)
Y = np.array([[[3.0, 0.0], [0.5, 7.0]]], np.float32)


def test_outputs_come_in_their_order(graph: Graph) -> None:
    z, y = evaluate(graph, {"x": X})
    np.testing.assert_array_equal(z, -X)
    np.testing.assert_array_equal(y, Y)
    assert y.dtype == np.float32


def test_the_canonical_graph_means_the_same(graph: Graph) -> None:
    z, y = evaluate(graph.canonical(), {"x": X})
    np.testing.assert_array_equal(z, -X)
    np.testing.assert_array_equal(y, Y)


def test_taps_show_values_on_the_way(graph: Graph) -> None:
    outputs, tapped = evaluate(graph, {"x": X}, taps=["linear", "y"])
    assert len(outputs) == 2
    assert list(tapped) == ["linear", "y"]
    np.testing.assert_array_equal(tapped["linear"], 2 * X + 1)
    np.testing.assert_array_equal(tapped["y"], Y)


def test_results_belong_to_the_caller() -> None:
    graph = Graph("identity")
    x = graph.add(ops.Input(), type=TensorType((2,)), name="x")
    graph.outputs = [x, x]
    fed = np.zeros(2, np.float32)
    first, second = evaluate(graph, {"x": fed})
    first += 1
    assert not second.any()
    assert not fed.any()


def test_one_value_may_be_read_twice_by_one_node() -> None:
    graph = Graph("square")
    x = graph.add(ops.Input(), type=TensorType((2,)), name="x")
    graph.outputs = [graph.add(ops.Mul(), [x, x])]
    np.testing.assert_array_equal(evaluate(graph, {"x": np.array([2.0, 3.0])})[0], [4, 9])


def test_a_value_is_freed_after_its_last_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    from vitaccel.backends.float_graph import node

    alive: list[weakref.ref[object]] = []
    most = 0
    original = node.value_of

    def watched(*args: object) -> object:
        nonlocal most
        value = original(*args)  # type: ignore[arg-type]
        alive.append(weakref.ref(value))
        most = max(most, sum(ref() is not None for ref in alive))
        return value

    monkeypatch.setattr(node, "value_of", watched)
    graph = Graph("chain")
    value = graph.add(ops.Input(), type=TensorType((4,)), name="x")
    for _ in range(20):
        value = graph.add(ops.Activation("tanh"), [value])
    graph.outputs = [value]
    evaluate(graph, {"x": np.ones(4)})
    assert len(alive) == 21
    assert most == 2


@pytest.mark.parametrize(
    ("feeds", "sentence"),
    [
        ({}, "input 'x' must be fed a f32[1,2,2]"),
        ({"x": X, "y": X}, "feed 'y' must be one of the inputs x"),
        ({"x": X[0]}, "input 'x' must be fed a f32[1,2,2], not a float32[2,2]"),
        ({"x": X.astype(np.int8)}, "input 'x' must be fed a f32[1,2,2], not a int8[1,2,2]"),
    ],
)
def test_feeds_must_fit(graph: Graph, feeds: dict[str, np.ndarray], sentence: str) -> None:
    with pytest.raises(VitaccelError) as caught:
        evaluate(graph, feeds)
    assert str(caught.value) == sentence


def test_a_tap_must_be_a_value(graph: Graph) -> None:
    with pytest.raises(VitaccelError, match="tap 'nowhere' must be a value that the outputs of 'two_outputs' need"):
        evaluate(graph, {"x": X}, taps=["nowhere"])


def test_an_onnx_operator_is_refused(graph: Graph) -> None:
    foreign = ops.Foreign(op_type="Det", origin="/det")
    graph.outputs = [graph.add(foreign, ["y"], type=TensorType((1,)))]
    with pytest.raises(UnsupportedError, match="Det '/det' must be recognised"):
        evaluate(graph, {"x": X})


def test_without_pytorch_the_extra_is_named(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n == "torch" or n.startswith(f"{float_graph.__name__}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(VitaccelError) as caught:
        evaluate(graph, {"x": X})
    assert str(caught.value) == "running a model in float needs PyTorch: pip install 'vitaccel[torch]'"

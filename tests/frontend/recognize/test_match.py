"""Questions about one value."""

from __future__ import annotations

import numpy as np
import pytest

from vitaccel.frontend.recognize.match import between, in_16_bits, other, place, reduced_axes, scalar, scaled
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Foreign, Input, Mul
from vitaccel.ir.types import TensorType

X = TensorType((2, 3))


@pytest.fixture
def graph() -> Graph:
    graph = Graph("g")
    graph.add(Input(), type=X, name="x")
    return graph


def test_only_one_element_is_a_scalar(graph: Graph) -> None:
    assert scalar(graph, graph.add_const(np.full((1, 1), 2.5))) == 2.5
    assert scalar(graph, graph.add_const(np.ones(2))) is None
    assert scalar(graph, "x") is None


def test_a_scalar_that_widens_the_shape_is_no_scale(graph: Graph) -> None:
    half = graph.add_const(np.array(0.5))
    assert scaled(graph, graph.add(Mul(), [half, "x"])) == ("x", 0.5)
    assert scaled(graph, graph.add(Mul(), ["x", graph.add_const(np.full((1, 1, 1), 0.5))])) is None
    assert scaled(graph, graph.add(Add(), ["x", half])) is None


def test_the_other_operand(graph: Graph) -> None:
    y = graph.add(Activation(), ["x"])
    assert other(graph, graph.add(Add(), ["x", y]), y) == "x"
    assert other(graph, graph.add(Add(), ["x", "x"]), "x") == "x"


def test_the_axes_of_a_reduction(graph: Graph) -> None:
    axes = graph.add_const(np.array([-1]))
    cases = [
        (Foreign("ReduceMean", attrs=(("axes", (-2, 1)),), present=(0,)), ["x"], (0, 1)),
        (Foreign("ReduceMean", present=(0, 1)), ["x", axes], (1,)),
        (Foreign("ReduceMean", present=(0,)), ["x"], (0, 1)),
        (Foreign("ReduceMean", attrs=(("noop_with_empty_axes", 1),), present=(0,)), ["x"], ()),
        (Foreign("ReduceMean", present=(0, 1)), ["x", "x"], None),
    ]
    for op, inputs, expected in cases:
        assert reduced_axes(graph, graph.add(op, inputs, type=X)) == expected


def test_16_bits() -> None:
    assert in_16_bits(1.702) == (float(np.float16(1.702)), 1.703125)
    assert in_16_bits(1.0) == (1.0, 1.0)


def test_sources_between(graph: Graph) -> None:
    y = graph.add(Activation("tanh"), ["x"], sources=["tanh"])
    z = graph.add(Activation("relu"), [y], sources=["relu"])
    root = graph.add(Add(), [z, y], sources=["add"])
    assert between(graph, root, [y]) == {"relu", "add"}


def test_a_place_names_the_node_and_the_operator(graph: Graph) -> None:
    assert place(graph, graph.add(Foreign("Erf"), ["x"], type=X, sources=["Erf_7"])) == "Erf_7 (Erf)"
    assert place(graph, graph.add(Add(), ["x", "x"], sources=["b", "a"])) == "a, b (add)"

"""Attention that was not recognised is refused; a softmax and products that are no attention are not."""

from __future__ import annotations

import numpy as np
import pytest

from vitaccel.errors import UnsupportedError
from vitaccel.frontend.recognize.leftovers import refuse_leftovers
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Input, Linear, MatMul, Softmax
from vitaccel.ir.types import TensorType


@pytest.fixture
def graph() -> Graph:
    graph = Graph("g")
    for name in ("q", "k", "v"):
        graph.add(Input(), type=TensorType((1, 4, 4)), name=name)
    return graph


def chain(graph: Graph, *ops: Activation | Softmax, start: str) -> str:
    name = start
    for at, op in enumerate(ops):
        name = graph.add(op, [name], sources=[f"{op.name}{at}"])
    graph.outputs = [graph.add(MatMul(), [name, "v"], sources=["last"])]
    return name


@pytest.mark.parametrize(
    ("ops", "culprit"),
    [
        ((Activation("tanh"), Softmax()), "activation0"),
        ((Softmax(), Activation("relu")), "activation1"),
        ((Softmax(), Softmax()), "softmax0"),
        ((Softmax(),), "last"),
    ],
)
def test_what_is_in_the_way_is_named(graph: Graph, ops: tuple[Activation | Softmax, ...], culprit: str) -> None:
    chain(graph, *ops, start=graph.add(MatMul(), ["q", "k"]))
    with pytest.raises(UnsupportedError, match=culprit):
        refuse_leftovers(graph)


def test_a_softmax_of_a_linear_is_no_attention(graph: Graph) -> None:
    """As the gates of experts, or assignments of tokens to clusters."""
    weight = graph.add_const(np.ones((4, 4), np.float32))
    chain(graph, Softmax(), start=graph.add(Linear(), ["q", weight]))
    refuse_leftovers(graph)


def test_products_without_a_softmax_are_no_attention(graph: Graph) -> None:
    chain(graph, Activation("relu"), start=graph.add(MatMul(), ["q", "k"]))
    refuse_leftovers(graph)


def test_a_softmax_that_no_product_reads_is_no_attention(graph: Graph) -> None:
    graph.outputs = [graph.add(Softmax(), [graph.add(MatMul(), ["q", "k"])])]
    refuse_leftovers(graph)

"""A chain of view ops is one view of the value at its end."""

from __future__ import annotations

import numpy as np

from vitaccel.frontend.recognize.layout import Layout
from vitaccel.frontend.recognize.view import SOURCES_LIMIT, View, Views
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Broadcast, Input, Reshape, Slice, Transpose
from vitaccel.ir.types import TensorType


def tokens(graph: Graph) -> str:
    return graph.add(Input(), type=TensorType((2, 5, 12)), name="x")


def test_a_chain_is_looked_through_to_its_base() -> None:
    graph = Graph("g")
    split = graph.add(Reshape((2, 5, 3, 4)), [tokens(graph)], sources=["r"])
    turned = graph.add(Transpose((0, 2, 1, 3)), [split], sources=["t"])
    part = graph.add(Slice(1, 1, 2), [turned], sources=["s"])
    view = Views(graph).of(graph.add(Broadcast((2, 7, 5, 4)), [part]))
    assert view.base == "x"
    assert view.sources == {"r", "t", "s"}
    expected = np.arange(120).reshape(2, 5, 3, 4).transpose(0, 2, 1, 3)[:, 1:2]
    assert np.array_equal(view.layout.indices(), np.broadcast_to(expected, (2, 7, 5, 4)))


def test_a_value_that_no_view_makes_is_all_of_itself() -> None:
    graph = Graph("g")
    name = graph.add(Activation("relu"), [tokens(graph)])
    assert Views(graph).of(name) == View(name, Layout.contiguous((2, 5, 12)))


def test_the_sources_of_a_long_chain_are_bounded() -> None:
    graph = Graph("g")
    name = tokens(graph)
    for at in range(3 * SOURCES_LIMIT):
        name = graph.add(Transpose((1, 0, 2)), [name], sources=[f"t{at}"])
    assert len(Views(graph).of(name).sources) == SOURCES_LIMIT


def test_a_reshape_that_cuts_across_is_a_base_of_its_own() -> None:
    graph = Graph("g")
    turned = graph.add(Transpose((0, 2, 1)), [tokens(graph)])
    odd = graph.add(Reshape((2, 5, 12)), [turned])
    assert Views(graph).of(odd) == View(odd, Layout.contiguous((2, 5, 12)))

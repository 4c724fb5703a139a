from __future__ import annotations

import numpy as np
import pytest

from vitaccel.frontend.recognize.scale import scale_along, scale_behind, settle_from, slice_scale
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Input, Mul, Reshape, Slice, ToTokens, Transpose
from vitaccel.ir.types import TensorType


@pytest.fixture
def graph() -> Graph:
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((1, 4, 6)), name="x")
    value = graph.add(Activation(), [x], name="value")
    split = graph.add(Reshape((1, 4, 2, 3)), [value], name="split")
    turned = graph.add(Transpose((0, 2, 1, 3)), [split], name="turned")
    graph.add(Mul(), [turned, graph.add_const(np.array(0.5, np.float32))], name="half")
    return graph


def test_factors_are_divided_out_on_the_way_to_an_operand(graph: Graph) -> None:
    assert scale_along(graph, "half") is None
    graph.update("half", scale=(0.25,), fmt="int8")
    graph.update("value", scale=(8.0,), fmt="int8")
    one, two = graph["half"], scale_along(graph, "half")
    assert two is not None
    assert (two.scale, one.scale) == ((0.25,), (0.25,))
    graph.update("half", scale=())
    found = scale_along(graph, "half")
    assert found is not None
    assert found.scale == (16.0,)


def test_factors_multiply_the_scale_of_scores(graph: Graph) -> None:
    graph.update("value", scale=(8.0,), fmt="int16")
    found = scale_behind(graph, "half")
    assert found is not None
    assert (found.scale, found.fmt) == ((4.0,), "int16")


def test_channels_go_back_through_views() -> None:
    graph = Graph("g")
    image = graph.add(Input(), type=TensorType((1, 2, 3, 3)), name="image")
    tokens = graph.add(ToTokens(), [image])
    graph.update(tokens, scale=(1.0, 2.0), fmt="int8")
    settle_from(graph, tokens)
    assert graph["image"].scale == (1.0, 2.0)
    assert graph[tokens].scale == ()


def test_a_scale_that_no_tuple_says_stays(graph: Graph) -> None:
    graph.update("turned", scale=(1.0, 2.0), fmt="int8")  # heads: of the value they are groups of channels
    settle_from(graph, "turned")
    assert graph["turned"].scale == (1.0, 2.0)


def test_slices_keep_their_own_scale_or_take_their_part(graph: Graph) -> None:
    part = graph.add(Slice(2, 2, 4), ["value"])
    graph.update("value", scale=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
    assert slice_scale(graph, part) == (3.0, 4.0)
    graph.update("value", scale=(7.0,))
    assert slice_scale(graph, part) == (7.0,)
    graph.update(part, scale=(9.0,))
    assert slice_scale(graph, part) == (9.0,)
    rows = graph.add(Slice(1, 0, 1), ["value"])
    graph.update("value", scale=(1.0,) * 6)
    assert slice_scale(graph, rows) == (1.0,) * 6

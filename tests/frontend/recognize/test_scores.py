"""A softmax argument traced back to the product of two activations."""

from __future__ import annotations

import numpy as np
import pytest

from vitaccel.frontend.recognize.scores import CHAIN_LIMIT, peeled, trace_scores
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Input, MatMul, Mul, Reshape, Transpose
from vitaccel.ir.types import TensorType

B, H, M, N = 2, 3, 4, 5


@pytest.fixture
def graph() -> Graph:
    graph = Graph("g")
    for name, shape in (("q", (B, H, M, 6)), ("k", (B, H, 6, N))):
        graph.add(Input(), type=TensorType(shape), name=name)
    graph.add(MatMul(), ["q", "k"], name="s")
    return graph


def times(graph: Graph, name: str, factor: float) -> str:
    return graph.add(Mul(), [name, graph.add_const(np.array(factor, np.float32))])


def test_the_product_itself(graph: Graph) -> None:
    found = trace_scores(graph, "s")
    assert found is not None
    assert (found.product, found.turned, found.shape, found.scale, found.mask) == ("s", False, (B, H, M, N), 1.0, None)


def test_scales_multiply_and_masks_add(graph: Graph) -> None:
    mask = np.arange(N, dtype=np.float32)
    name = times(graph, graph.add(Add(), [times(graph, "s", 3.0), graph.add_const(mask)]), 0.5)
    found = trace_scores(graph, name)
    assert found is not None
    assert found.scale == 1.5
    assert found.mask is not None
    assert np.array_equal(found.mask, mask / 2)


def test_a_turn_is_noted_and_two_cancel(graph: Graph) -> None:
    once = graph.add(Transpose((0, 1, 3, 2)), ["s"])
    twice = graph.add(Transpose((0, 1, 3, 2)), [once])
    results = [trace_scores(graph, name) for name in (once, twice)]
    assert [result is not None and result.turned for result in results] == [True, False]


def test_other_orders_are_no_scores(graph: Graph) -> None:
    assert trace_scores(graph, graph.add(Transpose((0, 2, 1, 3)), ["s"])) is None
    assert trace_scores(graph, graph.add(Reshape((B, H, N, M)), ["s"])) is None
    assert trace_scores(graph, graph.add(Activation("tanh"), ["s"])) is None
    assert trace_scores(graph, "q") is None


def test_a_mask_that_widens_the_scores_is_no_mask(graph: Graph) -> None:
    wide = graph.add_const(np.ones((2, 1, 1, 1, 1), np.float32))
    assert trace_scores(graph, graph.add(Add(), ["s", wide])) is None


def test_very_long_chains_are_left_alone(graph: Graph) -> None:
    name = "s"
    for _ in range(CHAIN_LIMIT):
        name = times(graph, name, 1.0)
    assert trace_scores(graph, name) is not None
    assert trace_scores(graph, times(graph, name, 1.0)) is None


def test_peeling_looks_through_views_and_scalars_alike(graph: Graph) -> None:
    name = times(graph, graph.add(Reshape((B * H, M, 6)), [times(graph, "q", 0.5)]), 0.25)
    view, factor = peeled(graph, graph.add(Transpose((0, 2, 1)), [name]))
    assert (view.base, view.shape, factor) == ("q", (B * H, 6, M), 0.125)


def test_peeling_stops_where_strides_end(graph: Graph) -> None:
    turned = times(graph, graph.add(Transpose((0, 1, 3, 2)), ["q"]), 0.5)
    odd = graph.add(Reshape((B, H, M, 6)), [turned])
    view, factor = peeled(graph, times(graph, odd, 0.25))
    assert (view.base, factor) == (odd, 0.25)

"""Linear layers take in what is constant per channel, and fused projections come apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vitaccel.frontend.recognize.linear import recognize_linear
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input, Linear, Slice
from vitaccel.ir.types import TensorType

Net = Any


def test_layer_scale_is_folded_and_counted(net: Net, ops: Any) -> None:
    x = net.input(1, 3, 4)
    graph = net.graph(net.op("Add", x, net.op("Mul", net.weight(4), net.linear(x, 4, 4))))
    assert ops(graph) == ["linear", "add"]
    assert graph.parameters == 4 * 4 + 4 + 4


def test_a_bias_behind_a_reshape_is_merged(net: Net, ops: Any) -> None:
    product = net.reshape(net.op("MatMul", net.reshape(net.input(2, 3, 4), 6, 4), net.weight(4, 5)), 2, 3, 5)
    graph = net.graph(net.op("Add", net.weight(5), product))
    assert ops(graph) == ["linear"]
    assert len(graph[graph.outputs[0]].inputs) == 3


def test_a_second_bias_is_folded_and_counted(net: Net, ops: Any) -> None:
    graph = net.graph(net.op("Add", net.linear(net.input(1, 3, 4), 4, 5), net.weight(5)))
    assert ops(graph) == ["linear"]
    assert graph.parameters == 4 * 5 + 5 + 5


def test_a_shared_weight_is_not_scaled(net: Net, ops: Any) -> None:
    x, weight = net.input(1, 3, 4), net.weight(4, 4)
    first, second = net.op("MatMul", x, weight), net.op("MatMul", net.op("Relu", x), weight)
    graph = net.graph(net.op("Add", net.op("Mul", first, net.const([1, 2, 3, 4])), second))
    assert sorted(ops(graph)) == ["activation", "add", "linear", "linear", "mul"]


def test_a_product_that_is_read_elsewhere_is_not_scaled(net: Net, ops: Any) -> None:
    y = net.linear(net.input(1, 3, 4), 4, 4)
    graph = net.graph(net.op("Mul", y, net.const([1, 2, 3, 4])), net.op("Relu", y))
    assert sorted(ops(graph)) == ["activation", "linear", "mul"]


def fused(*cuts: tuple[int, int], twice: bool = False) -> tuple[Graph, np.ndarray]:
    graph, rng = Graph("g"), np.random.default_rng(0)
    x = graph.add(Input(), type=TensorType((1, 3, 4)), name="x")
    weights = rng.standard_normal((4, 12)).astype(np.float32)
    operands = [graph.add_const(weights, parameter=True), graph.add_const(np.ones(12, np.float32), parameter=True)]
    whole = graph.add(Linear(), [x, *operands])
    graph.outputs = [graph.add(Slice(2, *cut), [whole]) for cut in cuts]
    if twice:
        graph.outputs.append(graph.add(Linear(), [x, *operands]))
    recognize_linear(graph)
    return graph, weights


@pytest.mark.parametrize("cuts", [[(0, 4), (4, 8), (8, 12)], [(0, 2), (2, 12)]])
def test_disjoint_slices_become_linears_on_views_of_the_weights(cuts: list[tuple[int, int]]) -> None:
    graph, weights = fused(*cuts)
    for name, (start, stop) in zip(graph.outputs, cuts, strict=True):
        assert isinstance(graph[name].op, Linear)
        part = graph.array(graph[name].inputs[1])
        assert np.shares_memory(part, weights)
        assert np.array_equal(part, weights[:, start:stop])
    assert graph.parameters == 4 * 12 + 12


def test_channels_that_nothing_reads_are_dropped_but_counted() -> None:
    graph, _ = fused((0, 4), (8, 12))
    assert graph.total_macs == 3 * 4 * 8
    assert graph.parameters == 4 * 12 + 12


@pytest.mark.parametrize(("cuts", "twice"), [([(0, 8), (4, 12)], False), ([(0, 12)], False), ([(0, 6), (6, 12)], True)])
def test_overlapping_slices_and_shared_weights_stay(cuts: list[tuple[int, int]], twice: bool) -> None:
    graph, _ = fused(*cuts, twice=twice)
    assert all(isinstance(graph[name].op, Slice) for name in graph.outputs[: len(cuts)])
    assert graph.parameters == 4 * 12 + 12

"""A difference of two activations is a sum."""

from __future__ import annotations

from typing import Any

import pytest

Net = Any


def test_pooling_as_a_mixer(net: Net, ops: Any) -> None:
    x = net.input(1, 3, 4, 4)  # PoolFormer and EfficientFormer: x + (pool(x) - x)
    pooled = net.op("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=0)
    graph = net.graph(net.op("Add", x, net.op("Sub", pooled, x)))
    assert sorted(ops(graph)) == ["add", "add", "mul", "pool2d"]


@pytest.mark.parametrize("shapes", [((2, 3, 4), (4,)), ((3, 1), (2, 3, 4))])
def test_of_shapes_that_broadcast(net: Net, ops: Any, shapes: tuple[tuple[int, ...], ...]) -> None:
    graph = net.graph(net.op("Sub", *(net.input(*shape) for shape in shapes)))
    assert sorted(op for op in ops(graph) if op != "reshape") == ["add", "mul"]

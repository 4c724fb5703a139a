"""The order of operands depends on the network, not on the file."""

from __future__ import annotations

from typing import Any

import pytest

Net = Any


def network(net: Net, *, turned: bool) -> str:
    """Residuals, a gate, and a sum of two equally deep branches, each sum written either way."""

    def add(kind: str, left: str, right: str) -> str:
        return net.op(kind, right, left) if turned else net.op(kind, left, right)

    x = net.input(1, 3, 4)
    y = add("Add", x, net.op("Tanh", net.op("MatMul", x, net.const([[1] * 4] * 4))))
    y = add("Add", y, net.const([[[1, 2, 3, 4]] * 3]))
    left = net.op("MatMul", net.op("Relu", y), net.const([[2] * 4] * 4))
    right = net.op("MatMul", net.op("Sigmoid", y), net.const([[3] * 4] * 4))
    return add("Add", y, add("Mul", left, right))


def test_every_order_gives_one_graph(tmp_path: Any, net: Net) -> None:
    texts = []
    for turned in (False, True):
        fresh = type(net)(tmp_path / f"{turned}.onnx", seed=1)
        texts.append(str(fresh.graph(network(fresh, turned=turned))))
    assert texts[0] == texts[1]
    assert "add(x0, " in texts[0]


@pytest.mark.parametrize("turned", [False, True])
def test_the_residual_stream_comes_first(net: Net, turned: bool) -> None:
    x = net.input(1, 3, 4)
    branch = net.linear(net.op("Tanh", x), 4, 4)
    graph = net.graph(net.op("Add", branch, x) if turned else net.op("Add", x, branch))
    assert graph[graph.outputs[0]].inputs[0] == "x0"


def test_many_equally_deep_sums_cost_no_more_than_their_number(net: Net) -> None:
    x = net.input(1, 3, 4)
    for _ in range(400):
        x = net.op("Add", net.op("Tanh", x), net.op("Sigmoid", x))
    graph = net.graph(x, tolerance=1e-3)
    assert sum(node.op.name == "add" for node in graph.nodes.values()) == 400

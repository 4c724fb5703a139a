"""Softmax written as arithmetic is one node."""

from __future__ import annotations

from typing import Any

import pytest

from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model

Net = Any


def ratio(net: Net, x: str, *, shifted: bool, axis: int = -1) -> str:
    axes = net.ints(axis)
    if shifted:
        x = net.op("Sub", x, net.op("ReduceMax", x, axes, keepdims=1))
    raised = net.op("Exp", x)
    return net.op("Div", raised, net.op("ReduceSum", raised, axes, keepdims=1))


@pytest.mark.parametrize("shifted", [False, True])
def test_the_ratio_of_exponentials_is_a_softmax(net: Net, ops: Any, shifted: bool) -> None:
    graph = net.graph(ratio(net, net.linear(net.input(2, 3), 3, 5), shifted=shifted))
    assert ops(graph) == ["linear", "softmax"]


def test_the_ratio_over_another_axis_is_refused(net: Net) -> None:
    net.save(ratio(net, net.linear(net.input(2, 3), 3, 5), shifted=True, axis=0))
    with pytest.raises(UnsupportedError):
        import_model(net.path)

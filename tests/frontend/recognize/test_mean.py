"""Means over any axes are a mean over tokens."""

from __future__ import annotations

from typing import Any

import pytest

Net = Any


def test_over_tokens_with_the_channels_first(net: Net, ops: Any) -> None:
    tokens = net.linear(net.input(2, 5, 4), 4, 6)  # einops: reduce(x, 'b n d -> b d', 'mean')
    assert ops(net.graph(net.op("ReduceMean", net.transpose(tokens, 0, 2, 1), net.ints(-1), keepdims=0))) == [
        "linear",
        "mean",
    ]


def test_over_tokens_that_come_before_the_batch(net: Net, ops: Any) -> None:
    tokens = net.transpose(net.linear(net.input(2, 5, 4), 4, 6), 1, 0, 2)
    assert ops(net.graph(net.op("ReduceMean", tokens, net.ints(0), keepdims=0))) == ["linear", "mean"]


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1), (0, 2), (1, 2), (0, 1, 2), (1, 3), (0, 2, 3)])
@pytest.mark.parametrize("keep", [0, 1])
def test_any_axes(net: Net, ops: Any, axes: tuple[int, ...], keep: int) -> None:
    graph = net.graph(net.op("ReduceMean", net.input(2, 3, 4, 5), net.ints(*axes), keepdims=keep))
    assert [op for op in ops(graph) if op not in ("reshape", "transpose", "to_tokens")] == ["mean"]

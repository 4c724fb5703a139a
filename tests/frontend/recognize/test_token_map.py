"""Uneven pooling that an exporter spells element by element is one token_mix; what differs by channel is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model
from vitaccel.ir.ops import TokenMix

B, N, C = 2, 6, 4
Net = Any


def gathered(net: Net, x: str, weights: np.ndarray) -> str:
    """Sum of two weighted gathers of tokens, masked."""
    first = net.op("Gather", x, net.ints(0, 2, 5), axis=1)
    second = net.op("Gather", x, net.ints(1, 4, 4), axis=1)
    mask = net.const(np.array([False, True, False]).reshape(3, 1), np.bool_)
    return net.op("Mul", net.op("Add", first, net.op("Where", mask, net.const(0), second)), net.const(weights))


def test_gathers_and_sums_are_a_matrix(net: Net, ops: Any) -> None:
    x = net.linear(net.input(B, N, C), C, C)
    graph = net.graph(gathered(net, x, np.array([[0.5], [1.0], [0.25]])))
    assert ops(graph) == ["linear", "token_mix"]
    (mix,) = graph.find(lambda node: isinstance(node.op, TokenMix))
    expected = np.zeros((3, N))
    expected[0, [0, 1]], expected[1, 2], expected[2, [5, 4]] = 0.5, 1.0, 0.25
    assert np.array_equal(graph.array(graph[mix].inputs[1]), expected)


def test_windows_of_a_mean_are_a_matrix(net: Net, ops: Any) -> None:
    x = net.reshape(net.linear(net.input(B, N, C), C, C), B, 2, 3, C)
    graph = net.graph(net.linear(net.op("ReduceMean", x, net.ints(2), keepdims=0), C, C))
    assert ops(graph) == ["linear", "token_mix", "linear"]


def test_weights_that_differ_between_channels_are_refused(net: Net) -> None:
    x = net.linear(net.input(B, N, C), C, C)
    net.save(gathered(net, x, np.ones((3, 1)) * np.arange(1, C + 1)))
    with pytest.raises(UnsupportedError, match="Gather_"):
        import_model(net.path)


def test_a_permutation_of_tokens_is_no_mix(net: Net) -> None:
    """A matrix product would be the wrong price for it."""
    net.save(net.op("Gather", net.linear(net.input(B, N, C), C, C), net.ints(3, 1, 0, 2, 5, 4), axis=1))
    with pytest.raises(UnsupportedError, match="Gather_"):
        import_model(net.path)


def test_a_sum_with_a_constant_is_not_part_of_the_map(net: Net, ops: Any) -> None:
    x = net.linear(net.input(B, N, C), C, C)
    mixed = gathered(net, x, np.array([[0.5], [1.0], [0.25]]))
    graph = net.graph(net.op("Add", mixed, net.weight(3, C)))
    assert ops(graph) == ["linear", "token_mix", "add"]

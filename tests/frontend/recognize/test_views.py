"""Views move out of the way of what works on tokens, and images and tokens are told apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

B, N, C = 2, 6, 4
Net = Any


def flat(net: Net, x: str) -> str:
    return net.reshape(x, B * N, C)


def rows(net: Net, x: str) -> str:
    return net.op("Add", net.op("MatMul", x, net.weight(C, C)), net.weight(C))


DETOURS = {
    "flat": (flat, lambda net, x: net.reshape(x, B, N, C)),
    "sequence first": (lambda net, x: net.transpose(x, 1, 0, 2), lambda net, x: net.transpose(x, 1, 0, 2)),
    "grid": (lambda net, x: net.reshape(x, B, 2, 3, C), lambda net, x: net.reshape(x, B, N, C)),
    "windows": (
        lambda net, x: net.reshape(net.transpose(net.reshape(x, B, 2, 3, C), 0, 2, 1, 3), 3 * B, 2, C),
        lambda net, x: net.reshape(net.transpose(net.reshape(x, B, 3, 2, C), 0, 2, 1, 3), B, N, C),
    ),
}  # fmt: skip

PASSED = {
    "linear": rows,
    "layernorm": lambda net, x: net.op("LayerNormalization", x, net.weight(C), net.weight(C)),
    "activation": lambda net, x: net.op("Relu", x),
    "mul": lambda net, x: net.op("Mul", x, net.const([1, 2, 3, 4])),
    "add": lambda net, x: net.op("Add", x, net.op("Relu", x)),
}


@pytest.mark.parametrize("kind", PASSED)
@pytest.mark.parametrize("detour", DETOURS)
def test_token_ops_are_written_on_tokens(net: Net, ops: Any, detour: str, kind: str) -> None:
    there, back = DETOURS[detour]
    graph = net.graph(back(net, PASSED[kind](net, there(net, net.input(B, N, C)))))
    assert not {"reshape", "transpose"} & set(ops(graph))
    assert kind in ops(graph)
    assert graph[graph.outputs[0]].type.shape == (B, N, C)


def test_a_position_table_follows_its_tokens(net: Net, ops: Any) -> None:
    table = net.const(np.random.default_rng(3).standard_normal((N, 1, C)))
    x = net.transpose(net.input(B, N, C), 1, 0, 2)
    graph = net.graph(net.transpose(net.op("Add", table, x), 1, 0, 2))
    assert ops(graph) == ["add"]
    assert graph[graph[graph.outputs[0]].inputs[1]].type.shape == (1, N, C)


def test_the_class_token_is_a_vector(net: Net, ops: Any) -> None:
    first = net.op("Gather", net.input(B, N, C), net.const(0, np.int64), axis=1)
    graph = net.graph(rows(net, first))
    assert ops(graph) == ["slice", "reshape", "linear"]


def test_operands_in_different_orders_are_brought_into_one(net: Net, ops: Any) -> None:
    x, y = net.input(B, N, C), net.input(N, B, C)
    graph = net.graph(net.op("Add", x, net.transpose(y, 1, 0, 2)))
    assert ops(graph) == ["transpose", "add"]


def test_a_sum_of_a_value_and_its_transpose_keeps_the_transpose(net: Net, ops: Any) -> None:
    x = net.input(5, 5, C)
    graph = net.graph(net.op("Add", net.op("Relu", x), net.transpose(net.op("Tanh", x), 1, 0, 2)))
    assert sorted(ops(graph)) == ["activation", "activation", "add", "transpose"]


def test_a_norm_of_a_part_of_the_channels(net: Net, ops: Any) -> None:
    x = net.transpose(net.reshape(net.input(B, N, C), B, N, 2, 2), 0, 2, 1, 3)
    y = net.op("LayerNormalization", x, net.weight(2), net.weight(2))
    graph = net.graph(net.reshape(net.transpose(y, 0, 2, 1, 3), B, N, C))
    assert ops(graph) == ["reshape", "layernorm", "reshape"]


def conv(net: Net, x: str, inputs: int, outputs: int) -> str:
    return net.op("Conv", x, net.weight(outputs, inputs, 1, 1), net.weight(outputs))


EMBEDDINGS = {
    "flatten and transpose": lambda net, x: net.transpose(net.reshape(x, B, C, N), 0, 2, 1),
    "channels last": lambda net, x: net.reshape(net.transpose(x, 0, 2, 3, 1), B, N, C),
    "sequence first and back": lambda net, x: net.transpose(net.transpose(net.reshape(x, B, C, N), 2, 0, 1), 1, 0, 2),
}


@pytest.mark.parametrize("form", EMBEDDINGS)
def test_an_image_becomes_tokens(net: Net, ops: Any, form: str) -> None:
    image = conv(net, net.input(B, 3, 2, 3), 3, C)
    assert ops(net.graph(rows(net, EMBEDDINGS[form](net, image)))) == ["conv2d", "to_tokens", "linear"]


def test_tokens_become_an_image_again(net: Net, ops: Any) -> None:
    image = conv(net, net.input(B, 3, 2, 3), 3, C)
    tokens = rows(net, net.transpose(net.reshape(image, B, C, N), 0, 2, 1))
    again = net.reshape(net.transpose(tokens, 0, 2, 1), B, C, 2, 3)
    graph = net.graph(conv(net, again, C, 2))
    assert ops(graph) == ["conv2d", "to_tokens", "linear", "from_tokens", "conv2d"]


def test_tokens_of_an_image_that_nothing_changed_are_the_image(net: Net, ops: Any) -> None:
    image = conv(net, net.input(B, 3, 2, 3), 3, C)
    tokens = net.transpose(net.reshape(image, B, C, N), 0, 2, 1)
    again = net.reshape(net.transpose(tokens, 0, 2, 1), B, C, 2, 3)
    assert ops(net.graph(conv(net, again, C, 2))) == ["conv2d", "conv2d"]


def test_a_residual_around_tokens_of_an_image(net: Net, ops: Any) -> None:
    """As ConvNeXt: channels last for the MLP, back for the sum."""
    x = net.input(B, C, 2, 3)
    image = conv(net, x, C, C)
    inner = net.transpose(rows(net, net.transpose(image, 0, 2, 3, 1)), 0, 3, 1, 2)
    graph = net.graph(net.op("Add", x, inner))
    assert ops(graph) == ["conv2d", "to_tokens", "linear", "from_tokens", "add"]


def test_a_scalar_may_have_any_rank(net: Net, ops: Any) -> None:
    graph = net.graph(net.op("Mul", net.input(B, N, C), net.const([[[0.5]]])))
    assert ops(graph) == ["mul"]
    assert graph[graph[graph.outputs[0]].inputs[1]].type.shape == ()


def test_a_chain_of_a_thousand_views_is_one(net: Net, ops: Any) -> None:
    x = net.input(B, N, C)
    for _ in range(500):
        x = net.transpose(net.reshape(net.transpose(net.reshape(x, B * N, C), 1, 0), C, B, N), 1, 2, 0)
    assert ops(net.graph(rows(net, x))) == ["linear"]


def test_rows_of_a_grid_are_rows_of_tokens(net: Net, ops: Any) -> None:
    """As einops writes patches of the input and keeps their grid: no value behind them holds their rows."""
    image = net.transpose(net.reshape(net.input(1, 3, 4, 4), 1, 3, 2, 2, 2, 2), 0, 2, 4, 3, 5, 1)
    patches = net.op("LayerNormalization", net.reshape(image, 1, 2, 2, 12), net.weight(12), net.weight(12), axis=-1)
    graph = net.graph(rows(net, net.reshape(net.linear(patches, 12, C), 1, 4, C)))
    assert ops(graph) == ["reshape", "transpose", "reshape", "layernorm", "linear", "linear"]
    assert {graph[n].type.shape[:2] for n in graph.find(lambda node: node.op.name == "linear")} == {(1, 4)}


def test_rows_of_another_order_stay_apart_in_a_grid(net: Net) -> None:
    """The grid of rows is transposed, so its rows are no tokens in their own order."""
    image = net.transpose(net.reshape(net.input(1, 3, 4, 4), 1, 3, 2, 2, 2, 2), 0, 2, 4, 3, 5, 1)
    patches = net.transpose(net.reshape(image, 1, 2, 2, 12), 0, 2, 1, 3)
    graph = net.graph(net.op("Relu", net.linear(patches, 12, C)))
    assert graph[graph.outputs[0]].type.shape == (1, 2, 2, C)

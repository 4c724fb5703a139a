"""Which weights see a value's channels, and how their rows are scaled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vitaccel.backends.float_graph import evaluate
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Linear, Mean
from vitaccel.quantization.readers import mean_users, own_constants, replace_constant, weight_readers


def readers_of(graph: Graph, value: str) -> list[tuple[str, str]]:
    return [(graph[reader.node].label, reader.kind) for reader in weight_readers(graph, value)]


def test_a_layernorm_before_attention_has_three(prepared: Callable[[str], Graph], find: Callable[..., str]) -> None:
    graph = prepared("vit")
    norm = find(graph, "block0.attn.norm", "layernorm")
    assert readers_of(graph, norm) == [(f"block0.attn.{part}", "columns") for part in "qkv"]
    head = find(graph, "head.norm", "layernorm")
    assert readers_of(graph, head) == [("head.linear", "columns")]


def test_router_and_experts_read_together(prepared: Callable[[str], Graph], find: Callable[..., str]) -> None:
    for name in ("m3vit", "m3vit-task"):
        graph = prepared(name)
        norm = find(graph, "block1.moe.norm", "layernorm")
        assert readers_of(graph, norm) == [("block1.moe.gate", "columns"), ("block1.moe", "columns")]


def test_convolutions_and_means(prepared: Callable[[str], Graph], find: Callable[..., str]) -> None:
    graph = prepared("m3vit-decoder")
    assert readers_of(graph, find(graph, "head.norm", "layernorm")) == [("head.conv2d", "image")]
    graph = prepared("lookupvit")
    norm = find(graph, "head.norm", "layernorm")
    assert readers_of(graph, norm) == [("head.linear", "columns")]
    assert [graph[name].op for name in mean_users(graph, norm)] == [Mean()]


def test_any_other_reader_forbids_it(net: Callable[..., Any]) -> None:
    made = net(1, 4, 6)
    norm = made.norm(made.x)
    graph = made.done(made.linear(norm, 3), made.op(Activation("relu"), norm))
    (name,) = [n for n in graph.topological() if graph[n].op.name == "layernorm"]
    assert weight_readers(graph, name) == []
    made = net(1, 4, 6)
    norm = made.norm(made.x)
    graph = made.done(made.linear(norm, 3), norm)
    (name,) = [n for n in graph.topological() if graph[n].op.name == "layernorm"]
    assert weight_readers(graph, name) == []


def test_matrix_and_scaled_rows(prepared: Callable[[str], Graph], find: Callable[..., str], seed: int) -> None:
    factors = np.random.default_rng(seed).uniform(0.5, 2, 18)
    for name, label in (("m3vit-task", "block1.moe.norm"), ("m3vit-decoder", "head.norm")):
        graph = prepared(name)
        for reader in weight_readers(graph, find(graph, label, "layernorm")):
            before = reader.matrix(graph)
            copy = graph.canonical()
            (again,) = [r for r in weight_readers(copy, find(copy, label, "layernorm")) if r.node == reader.node]
            replace_constant(copy, again.weight, again.scaled(copy, factors))
            (after,) = [r for r in weight_readers(copy, find(copy, label, "layernorm")) if r.node == reader.node]
            np.testing.assert_allclose(after.matrix(copy), before * factors[:, None], rtol=1e-6)


def test_shared_constants_come_apart_and_mean_the_same(net: Callable[..., Any]) -> None:
    made = net(1, 4, 6)
    weight = made.const(made.normal(6, 6))
    graph = made.done(made.op(Linear(), made.op(Linear(), made.x, weight), weight))
    before = graph.canonical()
    own_constants(graph)
    constants = [name for name in graph.topological() if graph.is_const(name)]
    assert len(constants) == 2
    assert graph.parameters == before.parameters
    feeds = {"x": made.normal(1, 4, 6)}
    assert np.array_equal(evaluate(graph, feeds)[0], evaluate(before, feeds)[0])

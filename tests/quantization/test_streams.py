"""Residual additions and copies share a scale; rescaling lanes do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, Concat, Pool2d, Slice
from vitaccel.quantization.streams import is_channel_parameter, preactivation_of, streams


def test_a_vit_has_one_residual_stream(prepared: Callable[[str], Graph]) -> None:
    graph = prepared("vit")
    joined = streams(graph)
    sums = [name for name in graph.topological() if graph[name].op.name == "add"]
    assert len(sums) == 5
    (stream,) = {joined[name] for name in sums}
    members = {name for name, of in joined.items() if of == stream}
    roots = {name for name in members if graph[name].op.name in ("linear", "conv2d")}
    tables = {graph[name].type.shape for name in members if graph.is_const(name)}
    assert {graph[name].label for name in roots} == {
        "embed.patch",
        *(f"block{i}.{part}" for i in (0, 1) for part in ("attn.proj", "mlp.fc2")),
    }
    assert tables == {(1, 1, 18), (1, 36, 18)}


def test_a_lookupvit_has_two(prepared: Callable[[str], Graph]) -> None:
    graph = prepared("lookupvit")
    joined = streams(graph)
    tokens: dict[str, set[int | None]] = {}
    for name in graph.topological():
        if graph[name].op.name == "add" and graph[name].type.rank == 3:
            tokens.setdefault(joined[name], set()).add(graph[name].type.shape[1])
    assert sorted(tokens.values(), key=str) == [{35}, {9}]


def test_values_of_one_reader_stand_alone(prepared: Callable[[str], Graph], find: Callable[..., str]) -> None:
    graph = prepared("vit")
    joined = streams(graph)
    for label, op in (("block0.attn.q", "linear"), ("block0.mlp.fc1", "linear"), ("block0.mlp.fc1", "activation")):
        name = find(graph, label, op)
        assert [other for other in joined if joined[other] == joined[name]] == [name]


def test_copies_have_the_scale_of_what_they_copy(net: Callable[..., Any]) -> None:
    made = net(1, 6, 4)
    a, b = made.norm(made.x), made.norm(made.x)
    both = made.op(Concat(1), a, b)
    part = made.op(Slice(1, 2, 5), both)
    graph = made.done(made.norm(part))
    joined = streams(graph)
    norms = [name for name in graph.topological() if graph[name].op.name == "layernorm"][:2]
    moved = [name for name in graph.topological() if graph[name].op.name in ("concat", "slice")]
    assert len({joined[name] for name in (*norms, *moved)}) == 1


def test_a_narrow_copy_of_what_others_read_wide_is_rescaled(net: Callable[..., Any]) -> None:
    made = net(1, 6, 4)
    wide = made.norm(made.x)
    part = made.op(Slice(1, 2, 5), wide)
    graph = made.done(made.linear(part, 3), made.norm(wide))
    joined = streams(graph)
    (copied,) = [name for name in graph.topological() if graph[name].op.name == "slice"]
    assert graph[copied].fmt == "int8"
    assert joined[copied] != joined[graph[copied].inputs[0]]


def test_lanes_rescale_the_operands_of_a_sum_but_not_its_table(net: Callable[..., Any]) -> None:
    made = net(1, 4, 6)
    a, b = made.norm(made.x), made.norm(made.x)
    table = made.const(made.normal(1, 4, 6))
    channel = made.const(made.normal(6))
    total = made.op(Add(), made.op(Add(), made.op(Add(), a, b), table), channel)
    graph = made.done(total)
    joined = streams(graph)
    sums = [name for name in graph.topological() if graph[name].op.name == "add"]
    assert len({joined[name] for name in sums}) == 3
    tables = [i for name in sums for i in graph[name].inputs if graph.is_const(i) and graph[i].type.rank == 3]
    assert joined[tables[0]] == joined[sums[1]]
    assert is_channel_parameter(graph, sums[2], graph[sums[2]].inputs[1])
    assert not is_channel_parameter(graph, sums[1], graph[sums[1]].inputs[1])


def test_only_a_pool_of_maxima_is_a_copy(net: Callable[..., Any]) -> None:
    for kind, shared in (("max", True), ("avg", False)):
        made = net(1, 2, 4, 4)
        first = made.op(Pool2d("avg", (1, 1)), made.x)
        graph = made.done(made.op(Pool2d(kind, (2, 2), (2, 2)), first))
        joined = streams(graph)
        below, above = [name for name in graph.topological() if graph[name].op.name == "pool2d"]
        assert (joined[below] == joined[above]) is shared


def test_the_value_before_a_fused_activation_is_found(net: Callable[..., Any]) -> None:
    made = net(1, 5, 6)
    graph = made.done(made.mlp(made.x, 8))
    found = {name: preactivation_of(graph, name) for name in graph.topological()}
    pairs = [(graph[a].op.name, graph[b].op.name) for a, b in found.items() if b]
    assert pairs == [("linear", "activation")]
    assert np.all([graph[b].kernel == a for a, b in found.items() if b])

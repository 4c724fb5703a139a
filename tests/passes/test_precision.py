"""int8 into matmuls, int16 on the residual stream, fixed point for logits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vitaccel.backends.float_graph import evaluate
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Attention, AttentionLogits, Input, LayerNorm, Linear, Reshape, Select
from vitaccel.ir.types import TensorType
from vitaccel.ir.verify import verify_graph
from vitaccel.ir.views import real_users
from vitaccel.passes.canonicalize import Canonicalize
from vitaccel.passes.fuse import Fuse
from vitaccel.passes.label import Label
from vitaccel.passes.precision import Precision

C = 8


def formats(graph: Graph) -> dict[str, str]:
    done = Precision().run(graph)
    return {f"{done[n].op.name}": done[n].fmt for n in done.topological() if done[n].fmt}


def net() -> tuple[Graph, str, str]:
    graph = Graph("net")
    x = graph.add(Input(), type=TensorType((1, 5, C)), name="x")
    return graph, x, graph.add_const(np.ones((C, C), np.float32))


def test_what_only_matmuls_read_is_int8() -> None:
    graph, x, w = net()
    hidden = graph.add(Activation(), [x])
    graph.outputs = [graph.add(Linear(), [hidden, w])]
    assert formats(graph) == {"input": "int8", "activation": "int8", "linear": "int16"}


def test_one_other_reader_makes_it_int16() -> None:
    graph, x, w = net()
    hidden = graph.add(Activation(), [x])
    ones = graph.add_const(np.ones(C, np.float32))
    norm = graph.add(LayerNorm(), [hidden, ones, ones])
    graph.outputs = [graph.add(Linear(), [hidden, w]), graph.add(Linear(), [norm, w])]
    assert formats(graph)["activation"] == "int16"
    assert formats(graph)["layernorm"] == "int8"


def test_readers_behind_a_free_view_count() -> None:
    graph, x, w = net()
    hidden = graph.add(Activation(), [x])
    graph.outputs = [graph.add(Linear(), [graph.add(Reshape((1, 5, C)), [hidden]), w])]
    assert formats(graph)["activation"] == "int8"


@pytest.mark.parametrize("bits", [6, 8])
def test_logits_are_base_two_fixed_point(bits: int) -> None:
    graph, x, _ = net()
    logits = graph.add(AttentionLogits(heads=2), [x, x])
    graph.outputs = [graph.add(Attention(), [logits, x])]
    done = Precision(logit_fraction_bits=bits).run(graph)
    assert [done[n].fmt for n in done if isinstance(done[n].op, AttentionLogits)] == [f"q5.{bits}"]


def test_an_index_is_an_index_and_what_it_selects_has_no_format() -> None:
    graph, x, _ = net()
    task = graph.add(Input(), type=TensorType((1,), "i64"), name="task")
    table = graph.add_const(np.ones((2, C, C), np.float32))
    graph.outputs = [graph.add(Linear(), [x, graph.add(Select(), [table, task])])]
    assert formats(graph) == {"input": "index", "linear": "int16"}


@pytest.mark.parametrize("model", ["vit", "lookupvit", "m3vit", "hybrid"])
def test_the_residual_stream_is_never_int8(model: str, prepared: Callable[[str], Graph]) -> None:
    graph = prepared(model)
    for name in graph.topological():
        if graph[name].fmt != "int8" or isinstance(graph[name].op, Input):
            continue
        readers = {graph[user].op.name for user in real_users(graph, name)}
        assert not readers & {"add", "layernorm", "softmax", "mul"} or all(
            graph[user].kernel == graph[name].kernel for user in real_users(graph, name) if graph[user].op.name == "add"
        )


@pytest.mark.parametrize("model", ["vit", "lookupvit-pre", "m3vit-task", "vmoe", "hybrid", "deit-distilled-batch"])
def test_no_graph_pass_changes_what_is_computed(model: str, graph_of: Callable[[str], Graph], seed: int) -> None:
    graph, rng = graph_of(model), np.random.default_rng(seed)
    feeds = {
        name: rng.standard_normal(graph[name].type.static_shape).astype(np.float32)
        if graph[name].type.element == "f32"
        else np.ones(graph[name].type.static_shape, np.int64)
        for name in graph.inputs
    }
    expected = evaluate(graph, feeds)
    for each in (Canonicalize(), Fuse(), Label(), Precision()):
        graph = each.run(graph)
        verify_graph(graph, after=each.name)
        for before, after in zip(expected, evaluate(graph, feeds), strict=True):
            assert np.array_equal(before, after), each.name


@pytest.mark.parametrize("model", ["vit", "lookupvit", "m3vit-task", "hybrid"])
def test_kernels_labels_and_formats_are_golden(
    model: str, prepared: Callable[[str], Graph], golden: Callable[[str, str], None]
) -> None:
    golden(f"passes/{model}.precision.txt", str(prepared(model)))

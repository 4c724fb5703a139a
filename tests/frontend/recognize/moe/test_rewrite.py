"""The moe node that replaces a layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vitaccel.frontend import import_model
from vitaccel.frontend.recognize.moe.experts import Stack
from vitaccel.frontend.recognize.moe.rewrite import add_stack, replace_value
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Input, Moe
from vitaccel.ir.types import TensorType


def test_a_stack_of_one_constant_is_a_view() -> None:
    graph = Graph("g")
    held = graph.add_const(np.arange(24, dtype=np.float32).reshape(2, 4, 3), parameter=True, sources=["w"])
    name = add_stack(graph, Stack((2, 3, 4), (held,), (2, 4, 3), (0, 2, 1)))
    assert np.shares_memory(graph.array(name), graph.array(held))
    assert graph.array(name)[1, 2, 3] == graph.array(held)[1, 3, 2]
    assert graph[name].sources == {"w"}


def test_a_missing_bias_is_zero_and_not_learned() -> None:
    graph = Graph("g")
    graph.outputs = [add_stack(graph, Stack((2, 3)))]
    assert not graph.array(graph.outputs[0]).any()
    assert graph.parameters == 0


def test_matrices_of_each_expert_are_stacked_in_order() -> None:
    graph = Graph("g")
    parts = [graph.add_const(np.full((3, 2), e, np.float32).T, parameter=True) for e in (5, 6)]
    graph.outputs = [add_stack(graph, Stack((2, 2, 3), tuple(parts)))]
    assert graph.array(graph.outputs[0])[:, 0, 0].tolist() == [5, 6]
    assert graph.parameters == 12


def test_users_see_the_shape_they_know() -> None:
    graph = Graph("g")
    x = graph.add(Input(), type=TensorType((1, 4, 3)), name="x")
    flat = graph.add(Input(), type=TensorType((4, 3)), name="flat")
    user = graph.add(Activation(), [flat])
    replace_value(graph, flat, x)
    assert graph[graph[user].inputs[0]].type.shape == (4, 3)
    assert graph[graph[user].inputs[0]].inputs == ("x",)


def test_every_node_of_the_file_is_accounted_for(layer: Any, tmp_path: Path, moe_of: Callable[[Path], Moe]) -> None:
    path = layer.save(layer.dense_list(*layer.top_k()), tmp_path)
    moe_of(path)
    graph = import_model(path).graph
    assert not graph.find(lambda node: not node.sources and node.op.name not in ("input", "const"))
    (moe,) = graph.find(lambda node: isinstance(node.op, Moe))
    inside = {node.name for node in layer.nodes} - {"n_normed", "n_tokens", "n_logits", "n_y"}
    assert inside <= graph[moe].sources

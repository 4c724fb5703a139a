"""Experts: scores, capacities, orders, groups of tokens, and weights that depend on the image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.backends.interpreter.networks import Case, front, images_for, imported, machine_of, quantized
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Moe
from vitaccel.ir.program import Lane, Route, ScatterAdd
from vitaccel.quantization import quantize


@pytest.mark.parametrize("name", ["m3vit", "vmoe-batch"])
@pytest.mark.parametrize("order", ["static", "longest"])
def test_both_orders_of_experts(name: str, order: str, seed: int) -> None:
    assert Case(quantized(name, seed), machine_of("8x8", moe__order=order), seed).differences() == []


@pytest.mark.parametrize("order", ["static", "longest"])
def test_groups_of_tokens_are_routed_one_after_another(order: str, seed: int) -> None:
    """Experts that do not fit take their tokens in groups, and load their weights again for each."""
    found = 0
    for size in (4400, 3768, 3000):
        arch = machine_of("8x8", buffers__activation_bytes=size, buffers__weight_bytes=1 << 12, moe__order=order)
        case = Case(quantized("m3vit", seed), arch, seed)
        routes = [i for i in case.lowered.program.instructions if isinstance(i, Route)]
        found += len(routes) > 2
        assert case.differences() == []
    assert found


def with_moe(name: str, change: Callable[[Moe], Moe], seed: int) -> Graph:
    """A micro model whose experts are others, quantized."""
    graph = imported(name).canonical()
    for node in graph.find(lambda node: isinstance(node.op, Moe)):
        op = graph[node].op
        assert isinstance(op, Moe)
        graph.update(node, op=change(op))
    ready = front(graph)
    return quantize(ready, images_for(ready, 3, seed))[0]


@pytest.mark.parametrize("score", ["softmax_all", "softmax_topk", "renorm"])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_scores(score: str, k: int, seed: int) -> None:
    graph = with_moe("m3vit", lambda op: replace(op, score=score, k=k), seed)
    case = Case(graph, machine_of("8x8"), seed)
    assert case.differences() == []
    for chosen in case.run().choices.values():
        assert chosen.shape == (2, 22, k)


@pytest.mark.parametrize("order", ["token", "choice"])
@pytest.mark.parametrize("capacity", [1, 5])
def test_a_capacity_drops_tokens(order: str, capacity: int, seed: int) -> None:
    graph = with_moe("vmoe-batch", lambda op: replace(op, capacity=capacity, order=order), seed)
    assert Case(graph, machine_of("8x8"), seed).differences() == []


def test_wrong_steps_show(seed: int) -> None:
    for kind, field in ((ScatterAdd, "out_step"), (ScatterAdd, "parameters"), (ScatterAdd, "frame_tokens")):
        case = Case(quantized("vmoe-batch", seed), machine_of("8x8"), seed)
        program = case.lowered.program
        at = next(n for n, i in enumerate(program.instructions) if isinstance(i, kind))
        wrong = getattr(program.instructions[at], field) + 1
        program.instructions[at] = replace(program.instructions[at], **{field: wrong})
        assert case.differences() != [], field


def test_choices_are_by_layer(seed: int) -> None:
    case = Case(quantized("m3vit", seed), machine_of("8x8"), seed)
    run = case.run()
    assert list(run.choices) == [layer.label for layer in case.lowered.program.layers if layer.routed]
    for chosen in run.choices.values():
        assert np.all(chosen[..., 0] != chosen[..., 1])
    assert any(isinstance(i, Lane) for i in case.lowered.program.instructions)

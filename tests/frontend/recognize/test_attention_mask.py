"""Masks of attention: constants that the logits take along, and what changes scores in another way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.frontend.recognize.attention_forms import (
    HIDE,
    B,
    D,
    H,
    M,
    N,
    Net,
    masked,
    merge,
    project,
    scaled,
    some,
    split,
)
from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model

MASKS: dict[str, tuple[Callable[[Net, str], str], tuple[int, ...]]] = {
    "added": (lambda net, s: net.op("Add", net.const(np.where(HIDE, -np.inf, 0)), s), (1, 1, M, N)),
    "large": (lambda net, s: net.op("Add", s, net.const(np.where(HIDE, -1e9, 0))), (1, 1, M, N)),
    "filled": (lambda net, s: net.op("Where", net.const(HIDE, np.bool_), net.const(-np.inf), s), (1, 1, M, N)),
    "kept": (lambda net, s: net.op("Where", net.const(~HIDE, np.bool_), s, net.const(-3.4e38)), (1, 1, M, N)),
    "keys": (lambda net, s: net.op("Add", s, net.const(np.where(HIDE[:1], -np.inf, 0))), (1, 1, 1, N)),
    "bias of heads": (lambda net, s: net.op("Add", s, net.const(some(H, M, N))), (1, H, M, N)),
    "of images": (lambda net, s: net.op("Add", s, net.const(some(B, 1, 1, N))), (B, 1, 1, N)),
    "repeated": (lambda net, s: net.op("Add", s, net.const(np.tile(some(1, 1, M, N), (B, H, 1, 1)))), (1, 1, M, N)),
    "windows": (
        lambda net, s: net.reshape(
            net.op("Add", net.reshape(s, 1, B, H, M, N), net.const(some(B, 1, M, N))), B, H, M, N
        ),
        (B, 1, M, N),
    ),
    "two": (lambda net, s: net.op("Add", net.op("Add", s, net.const(some(H, 1, N))), net.const(some(M, 1))),
            (1, H, M, N)),
}  # fmt: skip


@pytest.mark.parametrize("form", MASKS)
def test_a_constant_mask_is_an_operand_of_the_logits(net: Net, ops: Any, form: str) -> None:
    add, shape = MASKS[form]
    graph = net.graph(masked(net, lambda scores: add(net, scores)))
    (logits,) = graph.find(lambda node: node.op.name == "attention_logits")
    assert graph[graph[logits].inputs[2]].type.shape == shape
    assert graph[logits].op.scale == 0.25
    assert "add" not in ops(graph)


def test_a_mask_before_the_scaling_is_scaled(net: Net) -> None:
    def form(net: Net, q: str, k: str, v: str) -> str:
        scores = net.op("MatMul", split(net, q, M), net.transpose(split(net, k, N), 0, 1, 3, 2))
        weights = net.op("Softmax", scaled(net, net.op("Add", scores, net.const(some(M, N))), 0.5), axis=-1)
        return merge(net, net.op("MatMul", weights, split(net, v, N)), M)

    graph = net.graph(project(net, form))
    (logits,) = graph.find(lambda node: node.op.name == "attention_logits")
    assert np.array_equal(graph.array(graph[logits].inputs[2])[0, 0], some(M, N) * np.float32(0.5))


@pytest.mark.parametrize("mask", [np.zeros((M, N)), np.zeros((B, 1, 1, N))])
def test_a_mask_that_hides_nothing_vanishes(net: Net, mask: np.ndarray) -> None:
    graph = net.graph(masked(net, lambda scores: net.op("Add", scores, net.const(mask))))
    (logits,) = graph.find(lambda node: node.op.name == "attention_logits")
    assert len(graph[logits].inputs) == 2


def test_a_mask_on_scores_with_the_keys_first_is_turned(net: Net) -> None:
    def form(net: Net, q: str, k: str, v: str) -> str:
        queries = net.transpose(split(net, q, M), 0, 1, 3, 2)
        scores = scaled(net, net.op("MatMul", split(net, k, N), queries), 0.25)
        weights = net.op("Softmax", net.op("Add", scores, net.const(some(N, M))), axis=2)
        mixed = net.op("MatMul", net.transpose(split(net, v, N), 0, 1, 3, 2), weights)
        return merge(net, net.transpose(mixed, 0, 1, 3, 2), M)

    graph = net.graph(project(net, form))
    (logits,) = graph.find(lambda node: node.op.name == "attention_logits")
    assert np.array_equal(graph.array(graph[logits].inputs[2])[0, 0], some(N, M).T)


def test_scores_with_their_heads_and_rows_exchanged_are_refused(net: Net) -> None:
    def form(net: Net, q: str, k: str, v: str) -> str:
        scores = net.op("MatMul", split(net, q, M), net.transpose(split(net, k, N), 0, 1, 3, 2))
        mixed = net.reshape(net.transpose(scores, 0, 2, 1, 3), B, H, M, N)
        return merge(net, net.op("MatMul", net.op("Softmax", mixed, axis=-1), split(net, v, N)), M)

    net.save(project(net, form))
    with pytest.raises(UnsupportedError, match="attention must be"):
        import_model(net.path)


def test_a_guard_that_puts_anything_but_zero_is_refused(net: Net) -> None:
    def form(net: Net, q: str, k: str, v: str) -> str:
        scores = net.op("MatMul", split(net, q, M), net.transpose(split(net, k, N), 0, 1, 3, 2))
        weights = net.op("Softmax", scores, axis=-1)
        guarded = net.op("Where", net.op("IsNaN", weights), net.const(1), weights)
        return merge(net, net.op("MatMul", guarded, split(net, v, N)), M)

    net.save(project(net, form))
    with pytest.raises(UnsupportedError, match=r"IsNaN_|Where_"):
        import_model(net.path)


def test_a_mask_that_hides_every_key_is_refused(net: Net) -> None:
    mask = np.where(np.arange(M)[:, None] == 1, -np.inf, np.zeros((M, N)))
    net.save(masked(net, lambda scores: net.op("Add", scores, net.const(mask))))
    with pytest.raises(UnsupportedError, match="leave every query at least one key"):
        import_model(net.path)


ALMOST: dict[str, Callable[[Net, str], str]] = {
    "Tanh": lambda net, s: net.op("Tanh", s),
    "Relu": lambda net, s: net.op("Relu", s),
    "Add": lambda net, s: net.op("Add", s, net.reshape(net.linear(net.input(B, D), D, H * M * N), B, H, M, N)),
    "Mul": lambda net, s: net.op("Mul", s, net.const(some(N))),
    "Where": lambda net, s: net.op("Where", net.const(HIDE, np.bool_), net.const(-3.0), s),
}  # fmt: skip


@pytest.mark.parametrize("culprit", ALMOST)
def test_scores_that_are_changed_in_another_way_are_refused_by_name(net: Net, culprit: str) -> None:
    net.save(masked(net, lambda scores: ALMOST[culprit](net, scores)))
    at = [node.name for node in net.nodes if node.op_type == culprit and "Softmax" not in node.name]
    with pytest.raises(UnsupportedError, match="attention must be") as caught:
        import_model(net.path)
    assert any(name in str(caught.value) for name in at)


def test_probabilities_that_are_changed_are_refused(net: Net) -> None:
    def form(net: Net, q: str, k: str, v: str) -> str:
        scores = net.op("MatMul", split(net, q, M), net.transpose(split(net, k, N), 0, 1, 3, 2))
        weights = net.op("Mul", net.op("Softmax", scores, axis=-1), net.const(some(N)))
        return merge(net, net.op("MatMul", weights, split(net, v, N)), M)

    net.save(project(net, form))
    with pytest.raises(UnsupportedError, match="Mul_"):
        import_model(net.path)

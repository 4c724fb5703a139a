"""Attention in every spelling is two nodes on tokens; what is not quite attention is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest

from tests.frontend.recognize.attention_forms import (
    FORMS,
    B,
    D,
    Form,
    H,
    M,
    N,
    Net,
    d,
    merge,
    project,
    scaled,
    some,
    split,
)
from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model


@pytest.mark.parametrize("form", FORMS)
def test_every_spelling_is_two_nodes_between_linears(net: Net, ops: Any, form: Form) -> None:
    graph = net.graph(project(net, form))
    assert ops(graph) == ["linear", "linear", "attention_logits", "linear", "attention", "linear"]
    (logits,) = graph.find(lambda node: node.op.name == "attention_logits")
    assert graph[logits].op.heads == H
    assert graph[logits].op.scale == float(np.float32(0.5))


FUSED = {
    "permuted": lambda net, x: [
        net.op("Gather", net.transpose(net.reshape(x, B, N, 3, H, d), 2, 0, 3, 1, 4), net.const(at, np.int64), axis=0)
        for at in range(3)
    ],
    "split": lambda net, x: [
        split(net, part, N) for part in net.op("Split", x, net.ints(D, D, D), outputs=3, axis=2)
    ],
    "split in the middle": lambda net, x: [
        net.transpose(net.op("Squeeze", part, net.ints(2)), 0, 2, 1, 3)
        for part in net.op("Split", net.reshape(x, B, N, 3, H, d), net.ints(1, 1, 1), outputs=3, axis=2)
    ],
    "sequence first": lambda net, x: [
        net.transpose(net.reshape(part, N, B, H, d), 1, 2, 0, 3)
        for part in net.op("Split", net.transpose(x, 1, 0, 2), net.ints(D, D, D), outputs=3, axis=2)
    ],
}  # fmt: skip


@pytest.mark.parametrize("form", FUSED)
def test_a_fused_projection_becomes_three(net: Net, ops: Any, form: str) -> None:
    q, k, v = FUSED[form](net, net.linear(net.input(B, N, D), D, 3 * D))
    scores = scaled(net, net.op("MatMul", q, net.transpose(k, 0, 1, 3, 2)), 1 / sqrt(d))
    mixed = net.op("MatMul", net.op("Softmax", scores, axis=-1), v)
    graph = net.graph(net.linear(merge(net, mixed, N), D, D))
    assert ops(graph) == ["linear", "linear", "attention_logits", "linear", "attention", "linear"]
    assert graph.parameters == D * 3 * D + 3 * D + D * D + D


def test_scales_per_head_stay_in_the_graph(net: Net, ops: Any) -> None:
    """A factor that differs between heads is no scale of the logits: it is a product on the queries."""

    def form(net: Net, q: str, k: str, v: str) -> str:
        queries = net.op("Mul", split(net, q, M), net.const([[[1.0]], [[2.0]], [[3.0]]]))
        scores = net.op("MatMul", queries, net.transpose(split(net, k, N), 0, 1, 3, 2))
        return merge(net, net.op("MatMul", net.op("Softmax", scores, axis=-1), split(net, v, N)), M)

    graph = net.graph(project(net, form))
    assert ops(graph) == ["linear", "linear", "attention_logits", "linear", "attention", "linear"]
    (logits,) = graph.find(lambda node: node.op.name == "attention_logits")
    assert graph[logits].op.scale == 1.0


def test_a_norm_of_queries_and_keys_stays_between(net: Net, ops: Any) -> None:
    def form(net: Net, q: str, k: str, v: str) -> str:
        q, k = (
            net.op("LayerNormalization", split(net, x, n), net.weight(d), net.weight(d)) for x, n in ((q, M), (k, N))
        )
        scores = scaled(net, net.op("MatMul", q, net.transpose(k, 0, 1, 3, 2)), 1 / sqrt(d))
        return merge(net, net.op("MatMul", net.op("Softmax", scores, axis=-1), split(net, v, N)), M)

    graph = net.graph(project(net, form))
    assert "transpose" not in ops(graph)
    assert ops(graph).count("layernorm") == 2


def test_one_key_head_for_all_queries(net: Net, ops: Any) -> None:
    x = net.input(B, N, D)
    q, k, v = net.linear(x, D, D), net.linear(x, D, d), net.linear(x, D, d)
    keys, values = (net.reshape(part, B, 1, N, d) for part in (k, v))
    scores = net.op("MatMul", split(net, q, N), net.transpose(keys, 0, 1, 3, 2))
    mixed = net.op("MatMul", net.op("Softmax", scores, axis=-1), values)
    assert ops(net.graph(merge(net, mixed, N))).count("attention") == 1


def cross(net: Net, reuse: Callable[[Net, str, str, str], str]) -> str:
    """Both cross-attentions of LookupViT; ``reuse`` makes the second from logits, probabilities and values."""
    narrow, wide = net.input(B, M, D), net.input(B, N, D)
    q, k, v, other = (net.linear(x, D, D) for x in (narrow, wide, wide, narrow))
    scores = net.op("MatMul", split(net, q, M), net.transpose(split(net, k, N), 0, 1, 3, 2))
    scores = scaled(net, scores, 1 / sqrt(d))
    weights = net.op("Softmax", scores, axis=-1)
    first = net.linear(merge(net, net.op("MatMul", weights, split(net, v, N)), M), D, D)
    second = net.linear(reuse(net, scores, weights, other), D, D)
    return net.op("Concat", first, second, axis=1)


REUSES: dict[str, Callable[[Net, str, str, str], str]] = {
    "post_softmax_T": lambda net, _, p, v: merge(
        net, net.op("MatMul", net.transpose(p, 0, 1, 3, 2), split(net, v, M)), N
    ),
    "pre_softmax_T": lambda net, s, _, v: merge(
        net, net.op("MatMul", net.op("Softmax", net.transpose(s, 0, 1, 3, 2), axis=-1), split(net, v, M)), N
    ),
    "head_mean_T": lambda net, _, p, v: net.op(
        "MatMul", net.transpose(net.op("ReduceMean", p, net.ints(1), keepdims=0), 0, 2, 1), v
    ),
}  # fmt: skip


@pytest.mark.parametrize("reuse", REUSES)
def test_the_second_cross_attention_shares_the_logits_of_the_first(net: Net, ops: Any, reuse: str) -> None:
    graph = net.graph(cross(net, REUSES[reuse]))
    assert ops(graph).count("attention_logits") == 1
    uses = [graph[name].op.reuse for name in graph.find(lambda node: node.op.name == "attention")]
    assert uses == ["none", reuse]
    assert not {"transpose", "reshape", "softmax", "matmul"} & set(ops(graph))


def test_a_softmax_over_the_queries_shares_the_logits(net: Net, ops: Any) -> None:
    """The same as ``pre_softmax_T``, written with the axis instead of a transpose."""

    def over_queries(net: Net, s: str, _: str, v: str) -> str:
        weights = net.transpose(net.op("Softmax", s, axis=2), 0, 1, 3, 2)
        return merge(net, net.op("MatMul", weights, split(net, v, M)), N)

    graph = net.graph(cross(net, over_queries))
    assert ops(graph).count("attention_logits") == 1
    assert graph.find(lambda node: getattr(node.op, "reuse", "") == "pre_softmax_T")


def turned_softmax(net: Net, scores: str, v: str) -> str:
    weights = net.op("Softmax", net.transpose(scores, 0, 1, 3, 2), axis=-1)
    return merge(net, net.op("MatMul", weights, split(net, v, M)), N)


@pytest.mark.parametrize("change", ["scale", "mask"])
def test_a_second_softmax_of_other_scores_has_logits_of_its_own(net: Net, ops: Any, change: str) -> None:
    def changed(net: Net, s: str, _: str, v: str) -> str:
        other = scaled(net, s, 1.5) if change == "scale" else net.op("Add", s, net.const(some(M, N)))
        return turned_softmax(net, other, v)

    assert ops(net.graph(cross(net, changed))).count("attention_logits") == 2


def test_masked_scores_are_shared_by_both_softmaxes(net: Net, ops: Any) -> None:
    """The mask is shared with the scores, whichever way the softmax sees them."""
    narrow, wide = net.input(B, M, D), net.input(B, N, D)
    q, k, v, other = (net.linear(x, D, D) for x in (narrow, wide, wide, narrow))
    scores = net.op("MatMul", split(net, q, M), net.transpose(split(net, k, N), 0, 1, 3, 2))
    scores = net.op("Add", scores, net.const(some(H, M, N)))
    first = merge(net, net.op("MatMul", net.op("Softmax", scores, axis=-1), split(net, v, N)), M)
    graph = net.graph(net.op("Concat", first, turned_softmax(net, scores, other), axis=1))
    assert ops(graph).count("attention_logits") == 1


def test_the_mean_of_the_heads_applied_untransposed_is_refused(net: Net) -> None:
    def untransposed(net: Net, _: str, p: str, _v: str) -> str:
        mean = net.op("ReduceMean", p, net.ints(1), keepdims=0)
        return net.op("MatMul", mean, net.reshape(net.linear(net.input(B, N, D), D, D), B, N, D))

    net.save(cross(net, untransposed))
    with pytest.raises(UnsupportedError, match="ReduceMean_"):
        import_model(net.path)


@pytest.mark.parametrize("first", ["batch", "tokens"])
def test_constant_queries_pool_tokens(net: Net, ops: Any, first: str) -> None:
    """As the pooling head of SigLIP: a learned token asks, and ``MultiheadAttention`` merges the heads of one image."""
    x = net.input(1, N, D)
    k, v = (net.linear(x if first == "batch" else net.transpose(x, 1, 0, 2), D, D) for _ in range(2))
    heads = [net.transpose(net.reshape(y, N, H, D // H), 1, 0, 2) for y in (k, v)]
    scores = net.op("MatMul", net.weight(H, 1, D // H), net.transpose(heads[0], 0, 2, 1))
    pooled = net.op("MatMul", net.op("Softmax", scores, axis=-1), heads[1])
    graph = net.graph(net.linear(net.reshape(net.transpose(pooled, 1, 0, 2), 1, D), D, D))
    assert [op for op in ops(graph) if op != "reshape"] == [
        "linear",
        "attention_logits",
        "linear",
        "attention",
        "linear",
    ]
    (logits,) = graph.find(lambda node: node.op.name == "attention_logits")
    assert graph[logits].op.heads == H
    assert graph[graph[logits].inputs[0]].type.shape == (1, 1, D)

"""Attention in every spelling is two nodes on tokens; what is not quite attention is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest

from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model

B, N, M, H, D = 2, 5, 4, 3, 12
d = D // H
Net = Any
Form = Callable[[Net, str, str, str], str]


def split(net: Net, x: str, tokens: int) -> str:
    return net.transpose(net.reshape(x, B, tokens, H, d), 0, 2, 1, 3)


def merge(net: Net, x: str, tokens: int) -> str:
    return net.reshape(net.transpose(x, 0, 2, 1, 3), B, tokens, D)


def scaled(net: Net, x: str, factor: float) -> str:
    return net.op("Mul", x, net.const(factor))


def hugging_face(net: Net, q: str, k: str, v: str) -> str:
    keys = net.transpose(net.reshape(k, B, N, H, d), 0, 2, 3, 1)
    scores = net.op("Div", net.op("MatMul", split(net, q, M), keys), net.const(sqrt(d)))
    return merge(net, net.op("MatMul", net.op("Softmax", scores, axis=-1), split(net, v, N)), M)


def scale_on_queries(net: Net, q: str, k: str, v: str) -> str:
    keys = net.transpose(split(net, k, N), 0, 1, 3, 2)
    scores = net.op("MatMul", split(net, scaled(net, q, 1 / sqrt(d)), M), keys)
    return merge(net, net.op("MatMul", net.op("Softmax", scores, axis=-1), split(net, v, N)), M)


def half_the_scale_on_each(net: Net, q: str, k: str, v: str) -> str:
    keys = scaled(net, net.transpose(split(net, k, N), 0, 1, 3, 2), d**-0.25)
    scores = net.op("MatMul", scaled(net, split(net, q, M), d**-0.25), keys)
    weights = net.op("Softmax", scores, axis=-1)
    guarded = net.op("Where", net.op("IsNaN", weights), net.const(0), weights)
    return merge(net, net.op("MatMul", guarded, split(net, v, N)), M)


def heads_merged_with_the_batch(net: Net, q: str, k: str, v: str) -> str:
    """As ``nn.MultiheadAttention``: sequence first, (B H, N, d)."""

    def heads(x: str, tokens: int) -> str:
        first = net.transpose(x, 1, 0, 2)
        return net.transpose(net.reshape(first, tokens, B * H, d), 1, 0, 2)

    keys = net.transpose(heads(k, N), 0, 2, 1)
    scores = scaled(net, net.op("MatMul", heads(q, M), keys), 1 / sqrt(d))
    mixed = net.op("MatMul", net.op("Softmax", scores, axis=-1), heads(v, N))
    return net.transpose(net.reshape(net.transpose(mixed, 1, 0, 2), M, B, D), 1, 0, 2)


def keys_first(net: Net, q: str, k: str, v: str) -> str:
    """Scores as K Q^T, softmax over the rows, and V^T times it."""
    queries = net.transpose(split(net, q, M), 0, 1, 3, 2)
    scores = scaled(net, net.op("MatMul", split(net, k, N), queries), 1 / sqrt(d))
    mixed = net.op("MatMul", net.transpose(split(net, v, N), 0, 1, 3, 2), net.op("Softmax", scores, axis=2))
    return merge(net, net.transpose(mixed, 0, 1, 3, 2), M)


def scale_in_two_factors(net: Net, q: str, k: str, v: str) -> str:
    keys = net.transpose(split(net, k, N), 0, 1, 3, 2)
    scores = net.op("MatMul", scaled(net, split(net, scaled(net, q, 0.25), M), 4.0), scaled(net, keys, 0.5))
    return merge(net, net.op("MatMul", net.op("Softmax", scores, axis=-1), split(net, v, N)), M)


def einsums(net: Net, q: str, k: str, v: str) -> str:
    q, k, v = (net.reshape(x, B, n, H, d) for x, n in ((q, M), (k, N), (v, N)))
    scores = scaled(net, net.op("Einsum", q, k, equation="bmhd,bnhd->bhmn"), 1 / sqrt(d))
    mixed = net.op("Einsum", net.op("Softmax", scores, axis=-1), v, equation="bhmn,bnhd->bmhd")
    return net.reshape(mixed, B, M, D)


def softmax_as_arithmetic(net: Net, q: str, k: str, v: str) -> str:
    scores = net.op("MatMul", split(net, q, M), net.transpose(split(net, k, N), 0, 1, 3, 2))
    scores = scaled(net, scores, 1 / sqrt(d))
    raised = net.op("Exp", net.op("Sub", scores, net.op("ReduceMax", scores, net.ints(-1), keepdims=1)))
    weights = net.op("Div", raised, net.op("ReduceSum", raised, net.ints(-1), keepdims=1))
    return merge(net, net.op("MatMul", weights, split(net, v, N)), M)


FORMS = [
    hugging_face, scale_on_queries, half_the_scale_on_each, heads_merged_with_the_batch, keys_first, einsums,
    scale_in_two_factors,
    softmax_as_arithmetic,
]  # fmt: skip


def project(net: Net, form: Form) -> str:
    narrow, wide = net.input(B, M, D), net.input(B, N, D)
    projected = [net.linear(x, D, D) for x in (narrow, wide, wide)]
    return net.linear(form(net, *projected), D, D)


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


def masked(net: Net, add: Callable[[str], str]) -> str:
    """Attention with something done to the scaled scores."""

    def form(net: Net, q: str, k: str, v: str) -> str:
        scores = net.op("MatMul", split(net, q, M), net.transpose(split(net, k, N), 0, 1, 3, 2))
        weights = net.op("Softmax", add(scaled(net, scores, 0.25)), axis=-1)
        return merge(net, net.op("MatMul", weights, split(net, v, N)), M)

    return project(net, form)


HIDE = np.arange(M * N).reshape(M, N) % 3 == 1


def some(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


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

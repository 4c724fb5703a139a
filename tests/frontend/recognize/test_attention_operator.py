"""The Attention operator of opset 23 in all its layouts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model

B, N, M, H, D = 2, 5, 4, 3, 12
d = D // H
Net = Any
TWO = ["linear", "linear", "attention_logits", "linear", "attention", "linear"]


def three(net: Net, *, key_width: int = D) -> list[str]:
    narrow, wide = net.input(B, M, D), net.input(B, N, D)
    return [net.linear(narrow, D, D), net.linear(wide, D, key_width), net.linear(wide, D, key_width)]


def four(net: Net, x: str, tokens: int, heads: int = H) -> str:
    return net.transpose(net.reshape(x, B, tokens, heads, d), 0, 2, 1, 3)


def logits_of(graph: Any) -> Any:
    (name,) = graph.find(lambda node: node.op.name == "attention_logits")
    return graph[name]


def test_four_axes(net: Net, ops: Any) -> None:
    q, k, v = three(net)
    mixed = net.op("Attention", four(net, q, M), four(net, k, N), four(net, v, N))
    merged = net.reshape(net.transpose(mixed, 0, 2, 1, 3), B, M, D)
    graph = net.graph(net.linear(merged, D, D), opset=23)
    assert ops(graph) == TWO
    assert (logits_of(graph).op.heads, logits_of(graph).op.scale) == (H, 0.5)


def test_three_axes(net: Net, ops: Any) -> None:
    mixed = net.op("Attention", *three(net), q_num_heads=H, kv_num_heads=H, scale=0.3)
    graph = net.graph(net.linear(mixed, D, D), opset=23)
    assert ops(graph) == TWO
    assert logits_of(graph).op.scale == float(np.float32(0.3))


def test_grouped_queries(net: Net) -> None:
    q, k, v = three(net, key_width=d)
    mixed = net.op("Attention", four(net, q, M), four(net, k, N, 1), four(net, v, N, 1))
    graph = net.graph(net.reshape(net.transpose(mixed, 0, 2, 1, 3), B, M, D), opset=23)
    assert logits_of(graph).op.heads == H


HIDE = np.arange(M * N).reshape(M, N) % 3 == 1


@pytest.mark.parametrize(
    ("values", "kind"), [(~HIDE, np.bool_), (np.where(HIDE, -np.inf, 0), np.float32)], ids=["bool", "float"]
)
def test_a_constant_mask_becomes_an_additive_one(net: Net, values: np.ndarray, kind: type) -> None:
    mixed = net.op("Attention", *three(net), net.const(values, kind), q_num_heads=H, kv_num_heads=H)
    graph = net.graph(mixed, opset=23)
    mask = graph.array(logits_of(graph).inputs[2])
    assert mask.shape == (1, 1, M, N)
    assert np.array_equal(np.isneginf(mask[0, 0]), HIDE)


def test_a_mask_that_hides_nothing_vanishes(net: Net) -> None:
    mask = net.const(np.ones((1, 1, M, N)), np.bool_)
    graph = net.graph(net.op("Attention", *three(net), mask, q_num_heads=H, kv_num_heads=H), opset=23)
    assert len(logits_of(graph).inputs) == 2


def test_causal_attention_is_a_constant_mask(net: Net) -> None:
    graph = net.graph(net.op("Attention", *three(net), q_num_heads=H, kv_num_heads=H, is_causal=1), opset=23)
    mask = graph.array(logits_of(graph).inputs[2])[0, 0]
    assert np.array_equal(mask == 0, np.tri(M, N, dtype=bool))


def refused(net: Net, output: str, match: str) -> None:
    net.save(output, opset=23)
    with pytest.raises(UnsupportedError, match=match):
        import_model(net.path)


def test_softcap_is_refused(net: Net) -> None:
    refused(net, net.op("Attention", *three(net), q_num_heads=H, kv_num_heads=H, softcap=2.0), "Attention_6.*softcap")


def test_a_cache_is_refused(net: Net) -> None:
    past = [net.input(B, H, 2, d) for _ in range(2)]
    mixed, *_ = net.op("Attention", *three(net), "", *past, outputs=3, q_num_heads=H, kv_num_heads=H)
    refused(net, mixed, "Attention_6.*cache")


def test_a_computed_mask_is_refused(net: Net) -> None:
    mask = net.reshape(net.linear(net.input(B, D), D, M * N), B, 1, M, N)
    refused(net, net.op("Attention", *three(net), mask, q_num_heads=H, kv_num_heads=H), "Attention_9.*constant mask")


def test_scores_as_a_result_are_refused(net: Net) -> None:
    *_, scores = net.op("Attention", *three(net), outputs=4, q_num_heads=H, kv_num_heads=H)
    refused(net, scores, "Attention_6")


def test_a_mask_that_hides_every_key_is_refused(net: Net) -> None:
    mask = net.const(np.arange(M)[:, None] * np.ones(N) != 1, np.bool_)
    refused(net, net.op("Attention", *three(net), mask, q_num_heads=H, kv_num_heads=H), "at least one key")

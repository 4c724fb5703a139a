"""Attention as people spell it in ONNX: networks for the tests of its recognisers."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np

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

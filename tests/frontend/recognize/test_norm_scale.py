"""A product per channel behind a LayerNorm is folded into it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

C = 6
Net = Any


def norm(net: Net, x: str, *, plain: bool = False) -> str:
    gamma, beta = (np.ones(C), np.zeros(C)) if plain else net.rng.standard_normal((2, C))
    return net.op("LayerNormalization", x, net.const(gamma), net.const(beta), axis=-1)


@pytest.mark.parametrize("plain", [False, True])
def test_a_scale_is_part_of_the_norm(net: Net, ops: Any, plain: bool) -> None:
    """LookViT of lucidrains: a LayerNorm without gamma and beta, times ``gamma + 1``."""
    graph = net.graph(net.op("Mul", norm(net, net.input(2, 3, C), plain=plain), net.weight(C)))
    assert ops(graph) == ["layernorm"]
    assert graph.parameters == (C if plain else 3 * C)


@pytest.mark.parametrize("plain", [False, True])
def test_two_scales_of_one_norm(net: Net, ops: Any, plain: bool) -> None:
    """An exporter joins equal norms of one value."""
    normal = norm(net, net.input(2, 3, C), plain=plain)
    scaled = [net.linear(net.op("Mul", normal, net.weight(C)), C, 2) for _ in range(2)]
    graph = net.graph(net.op("Concat", *scaled, axis=1))
    assert ops(graph) == ["layernorm", "linear", "layernorm", "linear", "concat"]


def test_a_plain_norm_shares_a_scale(net: Net, ops: Any) -> None:
    scale = net.weight(C)
    scaled = [net.op("Mul", norm(net, net.input(2, 3, C), plain=True), scale) for _ in range(2)]
    graph = net.graph(net.op("Concat", *scaled, axis=1))
    assert ops(graph) == ["layernorm", "layernorm", "concat"]
    assert graph.parameters == C


@pytest.mark.parametrize("other", ["read", "token", "square", "shared"])
def test_what_is_no_scale_of_the_norm_alone_stays(net: Net, ops: Any, other: str) -> None:
    normal, scale = norm(net, net.input(2, 3, C)), net.weight(C)
    results = {
        "read": lambda: [net.op("Mul", normal, scale), normal],
        "token": lambda: [net.op("Mul", normal, net.weight(3, 1))],
        "square": lambda: [net.op("Mul", normal, normal)],
        "shared": lambda: [net.op("Mul", normal, scale), net.op("Mul", net.input(2, 3, C), scale)],
    }[other]()
    assert "mul" in ops(net.graph(*results))

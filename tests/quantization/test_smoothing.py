"""Smoothing changes no float result, is chosen only where it gains, and gains where channels stand out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vitaccel.backends.float_graph import evaluate
from vitaccel.ir.graph import Graph
from vitaccel.quantization.calibration import batches, check_calibration
from vitaccel.quantization.options import QuantizationOptions
from vitaccel.quantization.ptq import smooth_graph
from vitaccel.quantization.readers import own_constants, replace_constant, weight_readers
from vitaccel.quantization.smoothing import WIDEST, Site, apply_factors, choose_factors, smoothing_sites


def with_outliers(graph: Graph, seed: int) -> Graph:
    """Make two channels of every LayerNorm, and of every projection for attention, 30 times as large as they were."""
    result = graph.canonical()
    own_constants(result)
    for name in [n for n in result.topological() if not result.is_const(n)]:
        node = result[name]
        site, _, part = node.label.rpartition(".")
        if node.op.name != "layernorm" and part not in ("q", "k", "v"):
            continue
        # Queries and keys get inverse factors: logits stay as they are.
        generator = np.random.default_rng([seed, *f"{site}{'' if part in 'qk' else part}".encode()])
        factors = np.ones(node.type.static_shape[-1])
        factors[generator.choice(len(factors), 2, replace=False)] = 1 / 30 if part == "k" else 30
        for operand in result[name].inputs[1:]:
            replace_constant(result, operand, (result.array(operand) * factors).astype(np.float32))
        for reader in weight_readers(result, name):
            replace_constant(result, reader.weight, reader.scaled(result, factors**-0.7))
    return result.canonical()


@pytest.mark.parametrize(
    "name", ["vit", "vit-mean", "lookupvit", "lookupvit-mean", "m3vit", "m3vit-task", "m3vit-decoder", "vmoe", "hybrid"]
)
def test_the_float_graph_means_the_same(
    name: str, prepared: Callable[[str], Graph], images: Callable[..., Any], seed: int
) -> None:
    graph = with_outliers(prepared(name), seed)
    data = images(graph, 2)
    smooth, done = smooth_graph(graph, data, QuantizationOptions())
    assert len(done) >= 2
    # In float64 the two are one function; float32 sums in another order. Top-k makes a mixture of experts jump where
    # two experts tie, which random images do not reach.
    for feeds in batches(graph, check_calibration(graph, data)):
        for before, after in zip(evaluate(graph, feeds), evaluate(smooth, feeds), strict=True):
            assert np.abs(after - before).max() <= 1e-5 * max(1.0, np.abs(before).max())


def test_sites_of_a_vit(prepared: Callable[[str], Graph]) -> None:
    graph = prepared("vit")
    found = [(site.kind, graph[site.source].label) for site in smoothing_sites(graph)]
    assert sorted(found) == sorted(
        [("layernorm", "head.norm")]
        + [("layernorm", f"block{i}.{part}.norm") for i in (0, 1) for part in ("attn", "mlp")]
        + [("attention", f"block{i}.attn.v") for i in (0, 1)]
    )


def test_factors_divide_the_source(prepared: Callable[[str], Graph], find: Callable[..., str], seed: int) -> None:
    graph = prepared("vit").canonical()
    own_constants(graph)
    norm = find(graph, "block0.mlp.norm", "layernorm")
    gamma = graph.array(graph[norm].inputs[1]).copy()
    factors = np.random.default_rng(seed).uniform(0.5, 2, 18)
    apply_factors(graph, Site("layernorm", norm, norm), factors)
    np.testing.assert_allclose(graph.array(graph[norm].inputs[1]), gamma / factors, rtol=1e-6)


def test_outlier_channels_are_smoothed(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((256, 32))
    rows[:, 5] *= 50
    matrix = generator.standard_normal((32, 64))
    strength, factors = choose_factors(rows, np.abs(rows).max(0), [matrix], 8)
    assert strength > 0
    assert factors[5] == factors.max() > 4 * np.median(factors)


def test_even_channels_are_left_alone(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.uniform(-1, 1, (256, 32))
    rows[0], rows[1] = 1, -1
    matrix = np.sign(generator.standard_normal((32, 64)))
    strength, factors = choose_factors(rows, np.abs(rows).max(0), [matrix], 8)
    assert strength == 0
    assert np.array_equal(factors, np.ones(32))


def test_silent_channels_get_no_factor_and_others_a_finite_one(seed: int) -> None:
    """Channel 2 means as much as the others, by weights as small as it is large: unsmoothed it drowns them."""
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((64, 8)) * np.array([0, 1, 1e4, 1, 1, 1, 1, 1e-30])
    matrix = generator.standard_normal((8, 4))
    matrix[2] /= 1e4
    matrix[3] = 0
    strength, factors = choose_factors(rows, np.abs(rows).max(0), [matrix], 8)
    assert strength > 0
    assert factors[[0, 3, 7]].tolist() == [1, 1, 1]
    assert factors[2] == factors.max() == WIDEST
    assert factors.min() >= 1 / WIDEST
    assert choose_factors(np.zeros((4, 8)), np.zeros(8), [matrix], 8)[0] == 0

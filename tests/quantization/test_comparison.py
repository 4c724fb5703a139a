"""The comparison measures what it says: nothing lost where nothing is rounded, and errors where they enter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from vitaccel.backends.float_graph import evaluate
from vitaccel.ir.graph import Graph
from vitaccel.quantization import QuantizationOptions, compare, quantize
from vitaccel.quantization.calibration import batches, check_calibration


def test_outputs_are_those_of_the_float_backend(
    prepared: Callable[[str], Graph], quantized: Callable[..., Any], images: Callable[..., Any]
) -> None:
    graph, (found, record) = prepared("vit-batch"), quantized("vit-batch")
    data = images(graph, 4)
    result = compare(graph, found, record, data)
    expected = np.concatenate([evaluate(graph, feeds)[0] for feeds in batches(graph, check_calibration(graph, data))])[
        :4
    ]
    np.testing.assert_allclose(result.outputs[0], expected, atol=1e-5)
    noise = np.square(result.outputs[1] - expected, dtype=np.float64).sum()
    assert result.sqnr_db == pytest.approx(10 * np.log10(np.square(expected, dtype=np.float64).sum() / noise), abs=0.1)
    assert result.images == 4
    agreement = (result.outputs[0].argmax(1) == result.outputs[1].argmax(1)).mean()
    assert result.agreement == agreement


def test_without_scales_nothing_is_lost(
    prepared: Callable[[str], Graph], quantized: Callable[..., Any], images: Callable[..., Any]
) -> None:
    graph = prepared("m3vit")
    _, record = quantized("m3vit")
    result = compare(graph, graph, replace(record, smoothing=()), images(graph, 2))
    assert result.sqnr_db == float("inf")
    assert {layer.sqnr_db for layer in result.layers} == {float("inf")}
    assert [routing.agreement for routing in result.routing] == [1.0, 1.0]


def test_smoothed_values_are_measured_as_they_were(
    prepared: Callable[[str], Graph], quantized: Callable[..., Any], images: Callable[..., Any]
) -> None:
    for name in ("vit", "lookupvit", "lookupvit-mean", "m3vit"):
        graph, (found, record) = prepared(name), quantized(name)
        assert record.smoothing
        result = compare(graph, found, record, images(graph, 4))
        kept = {layer.value: layer.sqnr_db for layer in result.layers}
        assert min(kept.values()) > 8, name
        forgotten = compare(graph, found, replace(record, smoothing=()), images(graph, 4))
        lost = {layer.value: layer.sqnr_db for layer in forgotten.layers}
        smoothed = {choice.value for choice in record.smoothing}
        assert all(lost[value] < kept[value] - 1 for value in smoothed), name
        assert forgotten.sqnr_db == result.sqnr_db


def test_an_error_shows_first_where_it_enters(prepared: Callable[[str], Graph], images: Callable[..., Any]) -> None:
    graph, data = prepared("vit"), images(prepared("vit"), 4)
    found, record = quantize(graph, data, QuantizationOptions(smoothing=False, bias_correction=False))
    good = compare(graph, found, record, data)
    broken = found.canonical()
    (name,) = [n for n in broken.topological() if broken[n].label == "block1.mlp.norm"]
    broken.update(name, scale=(broken[name].scale[0] * 20,))
    bad = compare(graph, broken, record, data)
    worse = [b.value for g, b in zip(good.layers, bad.layers, strict=True) if b.sqnr_db < g.sqnr_db - 3]
    assert worse[0] == name
    assert bad.sqnr_db < good.sqnr_db


def test_routing_agreement_counts_tokens(
    prepared: Callable[[str], Graph], quantized: Callable[..., Any], images: Callable[..., Any]
) -> None:
    graph, (found, record) = prepared("m3vit"), quantized("m3vit")
    good = compare(graph, found, record, images(graph, 4)).routing
    assert [each.label for each in good] == ["block1.moe", "block3.moe"]
    assert all(each.agreement > 0.8 for each in good)
    broken = found.canonical()
    (gate,) = [n for n in broken.topological() if broken[n].label == "block1.moe.gate"]
    broken.update(gate, scale=(1e3,))
    assert compare(graph, broken, record, images(graph, 4)).routing[0].agreement < 0.5

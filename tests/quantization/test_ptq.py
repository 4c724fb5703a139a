"""The whole way: deterministic, the input Graph untouched, sane on poor data, and passes still run on the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vitaccel.arch import Arch
from vitaccel.compiler import compile_graph
from vitaccel.errors import VitaccelError
from vitaccel.ir.graph import Graph
from vitaccel.quantization import QuantizationOptions, QuantizationRecord, compare, quantize


def same(a: Graph, b: Graph) -> bool:
    if str(a) != str(b) or a.topological() != b.topological():
        return False
    nodes = all(a[name] == b[name] for name in a.topological())
    return nodes and all(np.array_equal(a.array(n), b.array(n)) for n in a.topological() if a.is_const(n))


def test_the_same_again(prepared: Callable[[str], Graph], images: Callable[..., Any]) -> None:
    graph, options = prepared("m3vit"), QuantizationOptions(weight_bits=4)
    before = graph.canonical()
    first, record = quantize(graph, images(graph, 3), options)
    second, again = quantize(graph, images(graph, 3), options)
    assert same(first, second)
    assert record == again
    assert same(graph, before)
    assert not same(first, graph)


def test_names_of_values_stay(prepared: Callable[[str], Graph], quantized: Callable[..., Any]) -> None:
    for name in ("vit", "m3vit-task", "lookupvit"):
        graph, (found, _) = prepared(name), quantized(name)
        values = [
            [(n, g[n].label, g[n].op, g[n].type) for n in g.topological() if not g.is_const(n)]
            for g in (graph.canonical(), found)
        ]
        assert values[0] == values[1]


@pytest.mark.parametrize("name", ["vit", "lookupvit", "m3vit-task", "vmoe", "hybrid"])
def test_the_passes_run_on_the_result_and_keep_every_scale(name: str, quantized: Callable[..., Any]) -> None:
    graph, _ = quantized(name)
    lowered = compile_graph(graph, Arch())[0]
    for value in graph.topological():
        assert (lowered[value].scale, lowered[value].inner_scale) == (graph[value].scale, graph[value].inner_scale)


def test_accuracy_of_micro_models(
    prepared: Callable[[str], Graph], quantized: Callable[..., Any], images: Callable[..., Any]
) -> None:
    for name in ("vit", "deit-distilled", "hybrid"):
        for options, least in (({}, 25), ({"weight_bits": 4}, 15), ({"activation_range": "percentile"}, 25)):
            graph, record = quantized(name, **options)
            assert compare(prepared(name), graph, record, images(graph, 8)).sqnr_db > least


@pytest.mark.parametrize(("name", "own", "others"), [("vit", 30, 18), ("m3vit", 12, 6), ("vit-batch", 30, 18)])
def test_one_image(
    name: str, own: float, others: float, prepared: Callable[[str], Graph], images: Callable[..., Any]
) -> None:
    """Of a mixture of experts other images may reach experts that the one did not, or be routed otherwise."""
    graph = prepared(name)
    found, record = quantize(graph, images(graph, 1))
    assert record.images == 1
    assert compare(graph, found, record, images(graph, 1)).sqnr_db > own
    assert compare(graph, found, record, images(graph, 3)).sqnr_db > others


def test_blank_images_and_a_blank_channel(prepared: Callable[[str], Graph], images: Callable[..., Any]) -> None:
    graph = prepared("vit")
    blank = np.zeros((2, 3, 20, 28), np.float32)
    found, record = quantize(graph, {"image": blank})
    assert compare(graph, found, record, {"image": blank}).sqnr_db > 20
    one_channel = images(graph, 4)["image"]
    one_channel[:, 1] = 0.5
    found, record = quantize(graph, {"image": one_channel})
    assert compare(graph, found, record, {"image": one_channel}).sqnr_db > 25


def test_bad_data_and_a_second_time_are_refused(
    prepared: Callable[[str], Graph], quantized: Callable[..., Any], images: Callable[..., Any]
) -> None:
    graph = prepared("vit")
    with pytest.raises(VitaccelError, match="must name the inputs 'image', not 'x'"):
        quantize(graph, {"x": np.zeros((1, 3, 20, 28), np.float32)})
    with pytest.raises(VitaccelError, match=r"must have shape \[images,3,20,28\]"):
        quantize(graph, {"image": np.zeros((3, 20, 28), np.float32)})
    with pytest.raises(VitaccelError, match="must be finite"):
        quantize(graph, {"image": np.full((1, 3, 20, 28), np.nan, np.float32)})
    with pytest.raises(VitaccelError, match="must be in float to be quantized"):
        quantize(quantized("vit")[0], images(graph, 1))


def test_four_bits_everywhere(quantized: Callable[..., Any]) -> None:
    graph, record = quantized("m3vit", weight_bits=4)
    assert isinstance(record, QuantizationRecord)
    assert {choice.bits for choice in record.weights} == {4}
    assert {graph[n].fmt for n in graph.topological() if graph.is_const(n)} == {"int4", "int32", "int16", ""}

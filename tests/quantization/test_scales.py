"""Scales of values: streams, heads, narrow copies, constants; never zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Mul, Select, TokenMix
from vitaccel.ir.views import is_free_view
from vitaccel.quantization import QuantizationOptions, quantize
from vitaccel.quantization.grid import base2_step
from vitaccel.quantization.scales import read_scale
from vitaccel.quantization.streams import streams
from vitaccel.quantization.values import plan_values

ALL = ["vit", "vit-batch", "deit-distilled", "lookupvit", "lookupvit-mean", "m3vit", "m3vit-task", "vmoe", "hybrid"]


@pytest.mark.parametrize("name", ALL)
def test_every_value_has_a_float32_scale_above_zero(name: str, quantized: Callable[..., Any]) -> None:
    graph, _ = quantized(name)
    for value in graph.topological():
        node = graph[value]
        if node.type.element == "f32" and not graph.is_const(value) and not is_free_view(graph, value):
            assert node.scale, value
        for scale in (*node.scale, *node.inner_scale, *([node.narrow_scale] if node.narrow_scale else [])):
            assert scale == float(np.float32(scale)) > 0, value


@pytest.mark.parametrize("name", ALL)
def test_members_of_a_stream_have_one_scale(name: str, quantized: Callable[..., Any]) -> None:
    graph, _ = quantized(name)
    scales: dict[str, set[tuple[float, ...]]] = {}
    for value, stream in streams(graph).items():
        if graph[value].scale:
            scales.setdefault(stream, set()).add(graph[value].scale)
    assert all(len(each) == 1 for each in scales.values())


def test_queries_keys_and_values_have_a_scale_for_each_head(
    quantized: Callable[..., Any], find: Callable[..., str]
) -> None:
    graph, _ = quantized("vit")
    for part in "qkv":
        scale = np.array(graph[find(graph, f"block0.attn.{part}", "linear")].scale).reshape(3, 6)
        assert np.all(scale == scale[:, :1])
        assert len(set(scale[:, 0])) == 3


def test_given_scales(quantized: Callable[..., Any], find: Callable[..., str]) -> None:
    graph, _ = quantized("m3vit")
    assert graph[find(graph, "block0.attn.attention", "attention_logits")].scale == (base2_step(6),)
    assert graph[find(graph, "block1.moe.gate", "linear")].scale == (base2_step(8),)
    assert len(graph[find(graph, "block1.moe", "moe")].inner_scale) == 3


def test_16_bits_have_headroom(prepared: Callable[[str], Graph], images: Callable[..., Any]) -> None:
    graph = prepared("vit")
    for headroom in (1.0, 4.0):
        options = QuantizationOptions(headroom=headroom, smoothing=False, bias_correction=False)
        _, record = quantize(graph, images(graph, 2), options)
        for choice in record.values:
            if choice.method == "headroom":
                assert choice.scale[0] * 32767 == pytest.approx(choice.peak * headroom, rel=1e-6)
                assert choice.ratio == pytest.approx(headroom)


def test_a_narrow_copy_is_finer_than_a_256th_of_the_stream(
    quantized: Callable[..., Any], find: Callable[..., str]
) -> None:
    graph, _ = quantized("lookupvit")
    stream = graph[find(graph, "embed.patch", "add")]
    resample = find(graph, "embed.resample", "token_mix")
    assert 0 < stream.narrow_scale < 256 * stream.scale[0]
    assert read_scale(graph, resample) == stream.narrow_scale
    assert read_scale(graph, find(graph, "block0.attn.q", "linear")) != stream.narrow_scale


@pytest.mark.parametrize("name", [*ALL, "m3vit-decoder"])
def test_constants_lie_on_their_grids(name: str, quantized: Callable[..., Any]) -> None:
    limits = {"int4": 7, "int8": 127, "int16": 32768, "int32": 2**31}
    for bits in (8, 4):
        graph, _ = quantized(name, weight_bits=bits)
        formats = set()
        for constant in filter(graph.is_const, graph.topological()):
            node, array = graph[constant], graph.array(constant)
            if not node.scale:
                readers = {graph[user].op.name for user in graph.users(constant)}
                assert readers <= {"layernorm", "mul", "add"}
                continue
            scale = np.array(node.scale)
            if len(scale) > 1 and array.ndim == 4:
                scale = scale[:, None, None, None]
            elif len(scale) > 1 and graph[graph.users(constant)[0]].op.name == "moe":
                scale = scale.reshape(len(array), *[1] * (array.ndim - 2), -1)
            integers = array / scale
            # float32 holds 24 bits of an integer times its scale.
            assert np.abs(integers - np.round(integers)).max() <= np.abs(integers).max() * 2.0**-22
            assert np.abs(integers).max() <= limits[node.fmt] * (1 + 1e-6)
            formats.add(node.fmt)
        assert {f"int{bits}", "int32", "int16"} <= formats


def test_selected_rows_have_the_scales_of_their_table(quantized: Callable[..., Any]) -> None:
    graph, _ = quantized("m3vit-task")
    selects = graph.find(lambda node: isinstance(node.op, Select))
    assert selects
    assert all(graph[name].scale == graph[graph[name].inputs[0]].scale != () for name in selects)


def test_tables_and_matrices(net: Callable[..., Any]) -> None:
    made = net(1, 4, 6)
    mixed = made.op(TokenMix(), made.norm(made.x), made.const(np.full((2, 4), 0.25)))
    product = made.op(Mul(), mixed, made.const(made.normal(1, 2, 6)))
    graph = made.done(made.op(Mul(), product, made.const(np.array(0.5))))
    found, _ = quantize(graph, {"x": made.normal(3, 4, 6)})
    formats = [found[name].fmt for name in found.topological() if found.is_const(name)]
    assert sorted(formats) == ["", "", "", "int16", "int8"]


def test_values_of_nothing_have_scales(net: Callable[..., Any]) -> None:
    made = net(1, 4, 6)
    graph = made.done(made.mlp(made.x, 8, "relu", gamma=np.zeros(6)))
    for data in (np.zeros((3, 4, 6), np.float32), np.full((3, 4, 6), 7, np.float32)):
        found, record = quantize(graph, {"x": data})
        plans = plan_values(found)
        assert all(min(found[name].scale) > 0 for name in plans)
        assert all(choice.ratio > 0 for choice in record.values)

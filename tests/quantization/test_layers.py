"""Layers: columns by themselves, biases corrected by more than chance, experts one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from vitaccel.backends.float_graph.apply import apply
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Conv2d, Linear
from vitaccel.quantization import quantize
from vitaccel.quantization.layers import WINDOW_ROWS, Layers
from vitaccel.quantization.options import QuantizationOptions


def linear_layer(net: Callable[..., Any], *, bias: bool) -> tuple[Graph, str]:
    """Return a quantized network of one linear layer without correction, and the layer."""
    made = net(1, 4, 6)
    graph = made.done(made.linear(made.x, 3, bias=bias))
    found, _ = quantize(graph, {"x": made.normal(8, 4, 6)}, QuantizationOptions(bias_correction=False))
    return found, found.outputs[0]


def test_a_mean_error_goes_into_the_bias(net: Callable[..., Any], seed: int) -> None:
    for bias in (True, False):
        graph, name = linear_layer(net, bias=bias)
        before = graph.array(graph[name].inputs[2]) if bias else np.zeros(3)
        layers = Layers(graph, QuantizationOptions())
        noise = np.random.default_rng(seed).standard_normal((1, 4000, 3)) * 1e-3
        layers.correct_bias(name, [torch.from_numpy(noise + np.array([0.5, -0.25, 0])).float()])
        after = graph.array(graph[name].inputs[2])
        np.testing.assert_allclose(after - before, [0.5, -0.25, 0], atol=2e-3)
        assert graph[graph[name].inputs[2]].fmt == "int32"
        assert [choice.added for choice in layers.biases] == [not bias]


@pytest.mark.parametrize("count", [1, 2, 10])
def test_chance_stays_out(count: int, net: Callable[..., Any]) -> None:
    graph, name = linear_layer(net, bias=True)
    before = graph.array(graph[name].inputs[2])
    layers = Layers(graph, QuantizationOptions())
    # Errors of alternating sign (or of one image) say nothing about the mean.
    errors = torch.tensor([[(-1.0) ** at + 0.05] * 3 for at in range(count)])
    layers.correct_bias(name, [errors])
    assert np.array_equal(graph.array(graph[name].inputs[2]), before)
    assert layers.biases == []


def test_windows_are_what_a_convolution_multiplies(net: Callable[..., Any]) -> None:
    made = net(1, 2, 5, 7)
    weight = made.const(made.normal(3, 2, 3, 3))
    graph = made.done(made.op(Conv2d(stride=(2, 1), padding=(1, 0, 1, 2)), made.x, weight))
    name = graph.outputs[0]
    image = torch.from_numpy(made.normal(1, 2, 5, 7))
    rows = Layers(graph, QuantizationOptions())._rows(name, image)
    assert rows is not None
    matrix = torch.from_numpy(graph.array(graph[name].inputs[1]).reshape(3, -1).T.copy())
    op = graph[name].op
    expected = apply(op, image, torch.from_numpy(graph.array(graph[name].inputs[1])))
    assert torch.allclose((rows @ matrix).T.reshape(expected.shape), expected, atol=1e-5)
    assert len(rows) <= WINDOW_ROWS


def test_experts_without_tokens_are_rounded_all_the_same(
    prepared: Callable[[str], Graph], images: Callable[..., Any], find: Callable[..., str]
) -> None:
    graph = prepared("m3vit")
    data = {"image": images(graph, 1)["image"] * 0 + 1}
    found, record = quantize(graph, data, QuantizationOptions(weight_bits=4))
    operands = found[find(found, "block1.moe", "moe")].inputs[2:]
    assert [found[i].fmt for i in operands] == ["int4", "int32", "int4", "int32"]
    assert [len(found[i].scale) for i in operands] == [7 * 13, 7 * 13, 7 * 18, 7 * 18]
    assert all(np.isfinite(found.array(i)).all() for i in operands)
    assert {choice.operand for choice in record.weights} == {"weight", "w1", "w2"}


def test_a_column_without_weights_keeps_its_bias(net: Callable[..., Any]) -> None:
    made = net(1, 4, 6)
    weight = made.normal(6, 3)
    weight[:, 1] = 0
    graph = made.done(made.op(Linear(), made.x, made.const(weight), made.const(np.array([0.1, 5.0, 0.1]))))
    found, _ = quantize(graph, {"x": made.normal(3, 4, 6)})
    node = found[found.outputs[0]]
    bias = node.inputs[2]
    assert found.array(bias)[1] == pytest.approx(5.0, abs=found[bias].scale[1])
    assert min(found[node.inputs[1]].scale) > 0

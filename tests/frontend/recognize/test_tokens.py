"""Resampling of a token grid is a token_mix in every spelling, and an image pyramid is left alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vitaccel.errors import UnsupportedError
from vitaccel.frontend import import_model
from vitaccel.ir.ops import TokenMix

B, C = 2, 4
Net = Any


def embed(net: Net) -> tuple[str, str]:
    """Return an image of features [B, C, 4, 6] and its tokens."""
    image = net.op("Conv", net.input(B, 3, 4, 6), net.weight(C, 3, 1, 1), net.weight(C))
    return image, net.transpose(net.reshape(image, B, C, 24), 0, 2, 1)


def as_tokens(net: Net, image: str, count: int) -> str:
    return net.transpose(net.reshape(image, B, C, count), 0, 2, 1)


def resized(net: Net, image: str, **attributes: Any) -> str:
    size = net.ints(B, C, 2, 3)
    options = {"mode": "linear", "coordinate_transformation_mode": "half_pixel", **attributes}
    return net.op("Resize", image, "", "", size, **options)


RESAMPLINGS = {
    "linear": ("resize", lambda net, x: resized(net, x)),
    "antialiased": ("resize", lambda net, x: resized(net, x, antialias=1, exclude_outside=1)),
    "corners": ("resize", lambda net, x: resized(net, x, coordinate_transformation_mode="align_corners")),
    "nearest": ("resize", lambda net, x: resized(net, x, mode="nearest", nearest_mode="floor",
                                                 coordinate_transformation_mode="asymmetric")),
    "pool": ("pool", lambda net, x: net.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])),
    "overlapping": ("pool", lambda net, x: net.op("AveragePool", x, kernel_shape=[3, 4], strides=[1, 1])),
    "padded": ("pool", lambda net, x: net.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1])),
}  # fmt: skip


@pytest.mark.parametrize("form", RESAMPLINGS)
def test_every_resampling_is_a_matrix(net: Net, ops: Any, form: str) -> None:
    kind, resample = RESAMPLINGS[form]
    image, tokens = embed(net)
    small = resample(net, image)
    count = {"overlapping": 6, "padded": 12}.get(form, 6)
    graph = net.graph(net.linear(as_tokens(net, small, count), C, C), net.linear(tokens, C, C))
    assert ops(graph) == ["conv2d", "to_tokens", "token_mix", "linear", "linear"]
    (mix,) = graph.find(lambda node: isinstance(node.op, TokenMix))
    assert graph[mix].op.kind == kind
    assert graph.macs(mix) == 0
    assert not graph[graph[mix].inputs[1]].op.parameter


def test_antialiasing_that_repeats_the_border_is_refused(net: Net) -> None:
    image, _ = embed(net)
    net.save(as_tokens(net, resized(net, image, antialias=1), 6))
    with pytest.raises(UnsupportedError, match=r"Resize_.*exclude_outside"):
        import_model(net.path)


def test_an_image_that_is_only_an_image_keeps_its_pooling(net: Net, ops: Any) -> None:
    image = net.op("Conv", net.input(B, 3, 4, 6), net.weight(C, 3, 1, 1), net.weight(C))
    small = net.op("AveragePool", image, kernel_shape=[2, 2], strides=[2, 2])
    assert ops(net.graph(net.linear(as_tokens(net, small, 6), C, C))) == ["conv2d", "pool2d", "to_tokens", "linear"]


def test_a_maximum_is_no_matrix(net: Net, ops: Any) -> None:
    image, tokens = embed(net)
    small = net.op("MaxPool", image, kernel_shape=[2, 2], strides=[2, 2])
    graph = net.graph(net.linear(as_tokens(net, small, 6), C, C), net.linear(tokens, C, C))
    assert "pool2d" in ops(graph)


def positions(net: Net, *, wrong: bool = False) -> Any:
    """Return ``T(x) + T(P)`` beside ``x + P``, the second term already a constant."""
    image, tokens = embed(net)
    table = net.rng.standard_normal((1, 24, C)).astype(np.float32)
    small = table.reshape(1, 2, 2, 3, 2, C).mean(axis=(2, 4)).reshape(1, 6, C)
    if wrong:
        small[0, 3, 2] += 0.01
    pooled = net.op("AveragePool", image, kernel_shape=[2, 2], strides=[2, 2])
    narrow = net.op("Add", as_tokens(net, pooled, 6), net.const(small))
    return net.graph(net.linear(narrow, C, C), net.linear(net.op("Add", tokens, net.const(table)), C, C))


def test_positions_are_resampled_with_the_tokens(net: Net, ops: Any) -> None:
    graph = positions(net)
    assert ops(graph) == ["conv2d", "to_tokens", "add", "token_mix", "linear", "linear"]
    assert graph.parameters == C * 3 + C + 24 * C + 2 * (C * C + C)


def test_another_table_is_added_apart(net: Net, ops: Any) -> None:
    assert ops(positions(net, wrong=True)).count("add") == 2


def test_a_learned_mix_of_tokens_keeps_its_parameters(net: Net) -> None:
    graph = net.graph(net.op("MatMul", net.weight(3, 6), net.input(B, 6, C)))
    (mix,) = graph.find(lambda node: isinstance(node.op, TokenMix))
    assert graph.macs(mix) == B * 3 * 6 * C
    assert graph.parameters == 3 * 6


def test_a_matrix_of_averages_is_no_parameter(net: Net) -> None:
    matrix = np.abs(net.rng.standard_normal((3, 6)))
    matrix /= matrix.sum(axis=1, keepdims=True)
    graph = net.graph(net.op("MatMul", net.const(matrix), net.input(B, 6, C)))
    assert graph.parameters == 0
    assert graph.total_macs == B * 3 * 6 * C

"""The two networks side by side: bounded memory, and only where something is learned from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add
from vitaccel.quantization import QuantizationOptions, compare, quantize, sweep
from vitaccel.quantization.sweep import peak_bytes, sweep_images


def test_peak_bytes_of_a_chain_with_a_residual(net: Callable[..., Any]) -> None:
    made = net(1, 4, 8)
    wide = made.linear(made.x, 32)
    graph = made.done(made.op(Add(), made.x, made.linear(wide, 8)))
    # The residual, the wide value and what is made of it are alive together.
    assert peak_bytes(graph) == 4 * (4 * 8 + 4 * 32 + 4 * 8)


def test_images_are_left_out_for_memory(prepared: Callable[[str], Graph], monkeypatch: pytest.MonkeyPatch) -> None:
    graph, options = prepared("vit-batch"), QuantizationOptions()
    assert sweep_images(graph, options) == 32
    monkeypatch.setattr(sweep, "MEMORY_BYTES", 2 * peak_bytes(graph) * 4)
    assert sweep_images(graph, options) == 4 * 3
    monkeypatch.setattr(sweep, "MEMORY_BYTES", 1)
    assert sweep_images(graph, options) == 3


def test_no_image_passes_through_when_nothing_is_learned(
    prepared: Callable[[str], Graph], images: Callable[..., Any]
) -> None:
    graph, data = prepared("m3vit"), images(prepared("m3vit"), 2)
    said: list[str] = []
    _, record = quantize(graph, data, QuantizationOptions(bias_correction=False), said.append)
    assert (record.correction_images, record.biases) == (0, ())
    assert not [text for text in said if text.startswith("rounding")]
    _, record = quantize(graph, data, QuantizationOptions(), said.append)
    assert record.correction_images == 2
    assert [text for text in said if text.startswith("rounding: layer 1 of")]


def correlated(made: Any, count: int, spread: np.ndarray) -> dict[str, np.ndarray]:
    """Images whose 24 channels are made of 6, with a mean."""
    return {"x": (made.normal(count, 16, 6) @ spread + 1).astype(np.float32)}


def test_correction_takes_noise_out_of_a_layer_on_the_images_it_saw(net: Callable[..., Any]) -> None:
    """Taking a mean error away takes its square from the power of the error; deeper down, and elsewhere, it may add."""
    made = net(1, 16, 24)
    graph = made.done(made.linear(made.x, 10))
    data = correlated(made, 32, made.normal(6, 24))
    assert sweep_images(graph, QuantizationOptions()) == 32
    weight, bias = graph[graph.outputs[0]].inputs[1:]
    # Without correction, rounding to nearest sees no image and chooses other scales; compensation rounds alike.
    without, corrected = (
        quantize(graph, data, QuantizationOptions(weight_bits=4, rounding="compensated", bias_correction=on))
        for on in (False, True)
    )
    np.testing.assert_array_equal(without[0].array(weight), corrected[0].array(weight))
    assert not np.array_equal(without[0].array(bias), corrected[0].array(bias))
    assert compare(graph, *without, data).sqnr_db < compare(graph, *corrected, data).sqnr_db


def test_compensation_helps_where_inputs_are_correlated(net: Callable[..., Any]) -> None:
    """Errors of weights go where 24 channels that are made of 6 have no power: far more is won than chance decides."""
    made = net(1, 16, 24)
    graph = made.done(made.linear(made.mlp(made.mlp(made.x, 48), 48), 10))
    spread = made.normal(6, 24)
    data, fresh = correlated(made, 64, spread), correlated(made, 32, spread)
    for correction in (False, True):
        nearest, compensated = (
            QuantizationOptions(weight_bits=4, rounding=rounding, bias_correction=correction)
            for rounding in ("nearest", "compensated")
        )
        found = [compare(graph, *quantize(graph, data, options), fresh).sqnr_db for options in (nearest, compensated)]
        assert found[0] + 2 < found[1]

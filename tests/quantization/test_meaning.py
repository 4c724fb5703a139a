"""The float meaning equals the float backend's; the rounded one stays on its grids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from vitaccel.backends.float_graph import evaluate
from vitaccel.ir.graph import Graph
from vitaccel.quantization.calibration import batches, check_calibration
from vitaccel.quantization.meaning import FloatMeaning, QuantizedMeaning, channel_scale, fake_quantize, walk


@pytest.mark.parametrize("name", ["vit", "lookupvit-mean", "m3vit-task", "vmoe", "hybrid"])
def test_in_float_it_is_the_float_backend(
    name: str, prepared: Callable[[str], Graph], images: Callable[..., Any]
) -> None:
    graph = prepared(name)
    (feeds,) = batches(graph, check_calibration(graph, images(graph, 1)))
    seen: list[str] = []
    found = walk(FloatMeaning(graph), feeds, lambda value, _tensor: seen.append(value))
    for output, expected in zip(graph.outputs, evaluate(graph, feeds), strict=True):
        np.testing.assert_allclose(found[output].numpy(), expected, rtol=0, atol=1e-5)
    assert seen == graph.topological()


@pytest.mark.parametrize("name", ["vit", "lookupvit", "lookupvit-mean", "m3vit", "hybrid"])
def test_rounded_values_are_integers_times_their_scale(
    name: str, quantized: Callable[..., Any], images: Callable[..., Any]
) -> None:
    graph, _ = quantized(name)
    meaning = QuantizedMeaning(graph)
    checked = []

    def check(value: str, tensor: torch.Tensor) -> None:
        plan = meaning.plans.get(value)
        if plan is None or not plan.rounded:
            return
        integers = (tensor / channel_scale(graph[value].scale, tensor.dim())).double()
        assert float((integers - integers.round()).abs().max()) < 1e-2, value
        assert float(integers.abs().max()) <= 2 ** (plan.bits - 1), value
        checked.append(plan.bits)

    (feeds,) = batches(graph, check_calibration(graph, images(graph, 1)))
    walk(meaning, feeds, check)
    assert {8, 16} <= set(checked)


def test_inside_values_are_rounded(quantized: Callable[..., Any], images: Callable[..., Any]) -> None:
    graph, _ = quantized("m3vit")
    meaning = QuantizedMeaning(graph)
    seen: dict[str, float] = {}
    inside = meaning.inside

    def note(name: str, stem: str, value: torch.Tensor) -> torch.Tensor:
        result = inside(name, stem, value)
        step = graph[name].inner_scale[("pre", "hidden", "result").index(stem)]
        integers = (result / step).double()
        seen[stem] = max(seen.get(stem, 0), float((integers - integers.round()).abs().max()))
        return result

    meaning.inside = note
    (feeds,) = batches(graph, check_calibration(graph, images(graph, 1)))
    walk(meaning, feeds, lambda *_: None)
    assert set(seen) == {"pre", "hidden", "result"}
    assert max(seen.values()) < 1e-2


def test_half_up_and_saturation() -> None:
    values = torch.tensor([-1.25, -0.75, 0.25, 0.75, 99.0, -99.0])
    assert (fake_quantize(values, torch.tensor(0.5), 8) / 0.5).tolist() == [-2, -1, 1, 2, 127, -128]
    assert fake_quantize(torch.tensor([1e9]), torch.tensor(1.0), 16).item() == 32767


def test_channels_of_images_are_their_second_axis() -> None:
    assert channel_scale((1.0, 2.0), 4).shape == (2, 1, 1)
    assert channel_scale((1.0, 2.0), 3).shape == (2,)
    assert channel_scale((1.0,), 4).shape == ()

"""Peaks, histograms and samples, whatever the batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from vitaccel.errors import VitaccelError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation
from vitaccel.quantization.calibration import check_calibration
from vitaccel.quantization.observe import BINS, SAMPLE_ROWS, Observation, by_channel, group_peaks
from vitaccel.quantization.values import plan_values


def observed(graph: Graph, data: dict[str, np.ndarray], **more: Any) -> Observation:
    seen = Observation(graph, plan_values(graph), **more)
    seen.run(check_calibration(graph, data), lambda _text: None, "test")
    return seen


def test_peaks_are_those_of_all_images(net: Callable[..., Any]) -> None:
    made = net(1, 4, 3)
    graph = made.done(made.op(Activation("relu"), made.x))
    data = {"x": made.normal(7, 4, 3)}
    seen = observed(graph, data)
    assert np.array_equal(seen.peaks["x"], np.abs(data["x"]).max(axis=(0, 1)))
    (relu,) = [name for name in seen.peaks if not name.startswith("x") and "." not in name]
    assert np.array_equal(seen.peaks[relu], data["x"].clip(0).max(axis=(0, 1)))


def test_histograms_count_every_element_by_head(net: Callable[..., Any], prepared: Callable[[str], Graph]) -> None:
    graph = prepared("vit")
    plans = plan_values(graph)
    name = next(name for name, plan in plans.items() if plan.heads == 3)
    data = {"image": net(1).normal(5, 3, 20, 28)}
    limits = {name: group_peaks(observed(graph, data).peaks[name], 3)}
    seen = observed(graph, data, limits={name: limits[name] * (1 + 1e-6)})
    assert seen.histograms[name].shape == (3, BINS)
    assert seen.histograms[name].sum(axis=1).tolist() == [5 * 36 * 6] * 3
    # The largest magnitude lies in the first or the last bin.
    assert np.all(seen.histograms[name][:, [0, -1]].sum(axis=1) >= 1)


@pytest.mark.parametrize(("count", "rows"), [(1, 36), (5, 5 * 36), (100, 500)])
def test_samples_are_bounded(count: int, rows: int, prepared: Callable[[str], Graph], net: Callable[..., Any]) -> None:
    graph = prepared("vit")
    name = next(name for name in graph.topological() if graph[name].op.name == "layernorm")
    seen = observed(graph, {"image": net(1).normal(count, 3, 20, 28)}, sampled=[name])
    assert len(seen.sample(name)) == rows <= SAMPLE_ROWS


def test_a_network_that_overflows_is_named(prepared: Callable[[str], Graph]) -> None:
    graph = prepared("hybrid")
    data = {"image": np.full((1, *graph["image"].type.static_shape[1:]), 3e38, np.float32)}
    with pytest.raises(VitaccelError, match=r"embed\.conv: values of \w+ must be finite on the calibration images"):
        observed(graph, data)


def test_channels() -> None:
    image = torch.arange(24.0).reshape(1, 2, 3, 4)
    assert by_channel(image)[:, 0].tolist() == list(range(12))
    assert by_channel(torch.zeros(2, 3, 4)).shape == (6, 4)
    assert group_peaks(np.array([1.0, 5, 2, 3]), 2).tolist() == [5, 3]

from __future__ import annotations

import dataclasses

import pytest

from vitaccel.backends.cost_model.result import Prediction, Traffic
from vitaccel.report.html.roofline import roofline


def test_ceilings_meet_at_the_ridge(prediction: Prediction) -> None:
    line = roofline(prediction).traces[0]
    assert line["y"][1:] == pytest.approx([25.6, 25.6])
    assert line["x"][1] == pytest.approx(25.6 / 3.2)
    assert line["y"][0] / line["x"][0] == pytest.approx(3.2, rel=1e-4)


def test_a_dot_a_layer_that_multiplies(prediction: Prediction) -> None:
    _, dots, whole = roofline(prediction).traces
    assert dots["name"] == "linear"
    assert dots["x"] == pytest.approx([2 * 57600 / 4600, 2 * 128000 / 49456, 2 * 6400 / 3240], rel=1e-4)
    assert dots["y"][0] == pytest.approx(2 * 57600 / 1100 * 0.2, rel=1e-4)
    assert max(dots["y"]) <= 25.6
    assert whole["y"] == pytest.approx([15.36])


def test_layers_without_traffic_stand_at_the_right(prediction: Prediction) -> None:
    on_chip = (*prediction.layers[:-1], dataclasses.replace(prediction.layers[-1], traffic=Traffic()))
    _, dots, _ = roofline(dataclasses.replace(prediction, layers=on_chip)).traces
    assert dots["x"][-1] > 3 * max(dots["x"][:-1])


def test_the_finding_counts_the_layers_left_of_the_ridge(prediction: Prediction) -> None:
    found = roofline(prediction).finding
    assert found == "2 of 3 layers, 72.0% of the time, do too little work a DRAM byte for the PEs"
    wide = prediction.arch.with_settings({"memory.bus_bits": "512", "frequency_hz": "200e6"})
    fed = roofline(dataclasses.replace(prediction, arch=wide.with_pe("4x4")))
    assert fed.finding == "Every layer has enough work per DRAM byte to keep the PEs busy"


def test_a_network_without_matmuls_still_draws(prediction: Prediction) -> None:
    figure = roofline(dataclasses.replace(prediction, layers=prediction.layers[1:2]))
    assert len(figure.traces) == 2

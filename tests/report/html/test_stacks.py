from __future__ import annotations

import dataclasses

import pytest

from vitaccel.backends.cost_model.result import Prediction, Traffic
from vitaccel.report.html.figure import Figure
from vitaccel.report.html.stacks import cycles_by_block, cycles_by_layer, energy_by_block, traffic_by_block


def total(figure: Figure) -> float:
    return sum(sum(trace["y"]) for trace in figure.traces)


def test_the_bars_sum_to_the_network(prediction: Prediction) -> None:
    assert total(cycles_by_block(prediction)) == pytest.approx(25.0)  # µs
    assert total(cycles_by_layer(prediction)) == pytest.approx(25.0)
    assert total(traffic_by_block(prediction)) == pytest.approx(57.296)  # kB
    assert total(energy_by_block(prediction)) == pytest.approx(9.4755292)  # µJ


def test_findings(prediction: Prediction) -> None:
    assert cycles_by_block(prediction).finding.startswith("Memory: the memory port is busy 75.0% of the time")
    assert cycles_by_layer(prediction).finding == "The slowest layer is block0.mlp.fc1, 66.0% of the time"
    assert traffic_by_block(prediction).finding == "96% of the 57.3 kB of DRAM traffic: weights"
    assert energy_by_block(prediction).finding == "98% of the 9.48 µJ: DRAM"


def test_a_part_that_is_nowhere_has_no_trace(prediction: Prediction) -> None:
    assert [trace["name"] for trace in traffic_by_block(prediction).traces] == [
        "weights",
        "constants",
        "input",
        "output",
        "spills",
    ]
    quiet = tuple(dataclasses.replace(layer, traffic=Traffic()) for layer in prediction.layers)
    figure = traffic_by_block(dataclasses.replace(prediction, layers=quiet))
    assert figure.traces == ()
    assert figure.finding == "Nothing moves over the DRAM interface"


def test_names_are_text_not_markup(prediction: Prediction) -> None:
    strange = (dataclasses.replace(prediction.layers[0], name="<b>x"), *prediction.layers[1:])
    figure = cycles_by_layer(dataclasses.replace(prediction, layers=strange))
    assert figure.traces[0]["x"][0] == "&lt;b&gt;x"

from __future__ import annotations

from collections.abc import Callable

import plotly.graph_objects as go
import pytest

from vitaccel.backends.cost_model.result import Prediction
from vitaccel.report.html.columns import latencies
from vitaccel.report.html.figure import Figure, byte_scale, joule_scale, layout, time_scale
from vitaccel.report.html.roofline import roofline
from vitaccel.report.html.stacks import cycles_by_block, cycles_by_layer, energy_by_block, traffic_by_block
from vitaccel.report.html.timeline import buffer_occupancy, engine_timeline

FIGURES = (
    roofline, cycles_by_block, cycles_by_layer, energy_by_block, traffic_by_block, engine_timeline, buffer_occupancy,
    lambda prediction: latencies([prediction, prediction]),
)  # fmt: skip


@pytest.mark.parametrize("draw", FIGURES)
def test_plotly_knows_every_property_of_every_figure(
    draw: Callable[[Prediction], Figure], prediction: Prediction, moe_prediction: Prediction
) -> None:
    for shown in (prediction, moe_prediction):
        figure = draw(shown)
        go.Figure(data=list(figure.traces), layout=figure.layout)
        assert figure.finding
        assert figure.explanation.endswith(".")


def test_plotly_would_refuse_a_wrong_property(prediction: Prediction) -> None:
    figure = roofline(prediction)
    with pytest.raises(ValueError, match="Invalid property"):
        go.Figure(data=[{**figure.traces[0], "colour": "red"}], layout=figure.layout)


def test_an_axis_keeps_the_shared_look() -> None:
    look = layout(height=10, x="time", y="bytes", xaxis={"type": "log"})
    assert look["xaxis"]["type"] == "log"
    assert look["xaxis"]["gridcolor"] == look["yaxis"]["gridcolor"]
    assert look["xaxis"]["title"]["text"] == "time"


def test_scales() -> None:
    assert time_scale(2.0) == (1.0, "s")
    assert time_scale(0.002) == (1e3, "ms")
    assert time_scale(2e-6) == (1e6, "µs")
    assert byte_scale(2e6) == (1e-6, "MB")
    assert byte_scale(10) == (1.0, "B")
    assert joule_scale(2e-3) == (1e3, "mJ")
    assert joule_scale(2e-9) == (1e9, "nJ")

from __future__ import annotations

import dataclasses

from vitaccel.backends.cost_model.result import Event, Occupancy, Prediction
from vitaccel.report.html.timeline import Span, buffer_occupancy, engine_timeline, highest, spans


def test_consecutive_instructions_of_a_layer_are_one_span() -> None:
    timeline = [
        Event("compute", "matmul", "a.x", 0, 10, 12),
        Event("load", "load", "a.x", 0, 4, 9),
        Event("compute", "matmul", "a.x", 20, 10, 32),
        Event("compute", "matmul", "a.y", 30, 5, 40),
        Event("compute", "matmul", "a.x", 35, 5, 45),
        Event("compute", "matmul", "skipped", 40, 0, 40),
    ]
    assert spans(timeline) == [
        Span("compute", "a.x", 0, 30, 20, 2),
        Span("load", "a.x", 0, 4, 4, 1),
        Span("compute", "a.y", 30, 35, 5, 1),
        Span("compute", "a.x", 35, 40, 5, 1),
    ]


def test_too_many_spans_of_layers_become_spans_of_blocks() -> None:
    timeline = [Event("compute", "matmul", f"block{at // 100}.l{at}", 10 * at, 9, 10 * at + 9) for at in range(1000)]
    assert len(spans(timeline, most=1000)) == 1000
    few = spans(timeline, most=999)
    assert [span.name for span in few] == [f"block{at}" for at in range(10)]
    assert sum(span.busy for span in few) == 9000


def test_bars_are_times(prediction: Prediction) -> None:
    figure = engine_timeline(prediction)
    compute = figure.traces[1]
    assert compute["name"] == "compute"
    assert compute["base"] == [0.77, 7.45, 22.0]  # µs
    assert compute["x"] == [5.05, 10.5, 1.25]
    assert figure.finding == "The compute engine is occupied 67.0% of the time, the load engine 75.0%"


def test_occupancy_keeps_its_peak(prediction: Prediction) -> None:
    figure = buffer_occupancy(prediction)
    assert max(figure.traces[0]["y"]) == 20.0
    assert figure.finding == "Activations peak at 20 KiB, 2.0% of their buffer"
    assert figure.layout["shapes"] == []
    full = dataclasses.replace(prediction, occupancy=(Occupancy(0, 1 << 20),))
    assert len(buffer_occupancy(full).layout["shapes"]) == 1


def test_thinning_keeps_the_highest() -> None:
    points = [(at, (at * 37) % 1000) for at in range(100_000)]
    thin = highest(points, most=500)
    assert len(thin) <= 501
    assert max(value for _, value in thin) == 999
    assert highest(points[:10]) == points[:10]

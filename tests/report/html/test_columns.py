from __future__ import annotations

import dataclasses

import pytest

from vitaccel.backends.cost_model.result import Prediction
from vitaccel.report.html.columns import latencies


def test_each_bar_is_a_latency(prediction: Prediction) -> None:
    fast = dataclasses.replace(prediction, arch=prediction.arch.with_settings({"frequency_hz": "400e6"}), model="fast")
    figure = latencies([prediction, fast])
    sums = [sum(trace["x"][at] for trace in figure.traces) for at in range(2)]
    assert sums == pytest.approx([25.0, 12.5])
    assert figure.traces[0]["y"] == ["tiny", "fast"]
    assert figure.finding == "fast is the fastest, 12.5 µs"

from __future__ import annotations

import json
from typing import Any

import pytest

from vitaccel.backends.cost_model.result import Prediction
from vitaccel.report.trace import chrome_trace


def events(*predictions: Prediction) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(chrome_trace(predictions))["traceEvents"]
    return found


def test_one_slice_an_instruction_in_microseconds(prediction: Prediction) -> None:
    slices = [event for event in events(prediction) if event["ph"] == "X"]
    assert len(slices) == len(prediction.timeline)
    for drawn, event in zip(slices, prediction.timeline, strict=True):
        assert drawn["ts"] == pytest.approx(event.start / 200)
        assert drawn["dur"] == pytest.approx(event.occupied / 200)
        assert drawn["args"]["done_cycle"] == event.done
        assert drawn["name"] == event.layer


def test_engines_are_named_threads(prediction: Prediction) -> None:
    named = {e["tid"]: e["args"]["name"] for e in events(prediction) if e["name"] == "thread_name"}
    assert list(named.values()) == ["load", "compute", "vector", "store"]
    loads = [e for e in events(prediction) if e["ph"] == "X" and named[e["tid"]] == "load"]
    assert len(loads) == 4


def test_slices_of_an_engine_do_not_overlap(prediction: Prediction) -> None:
    ends: dict[int, float] = {}
    for event in sorted((e for e in events(prediction) if e["ph"] == "X"), key=lambda e: e["ts"]):
        assert event["ts"] >= ends.get(event["tid"], 0.0) - 1e-9
        ends[event["tid"]] = event["ts"] + event["dur"]


def test_the_buffer_is_a_counter(prediction: Prediction) -> None:
    counters = [e for e in events(prediction) if e["ph"] == "C"]
    assert [e["args"]["bytes"] for e in counters] == [4096, 20480, 8192, 0]
    assert counters[1]["ts"] == pytest.approx(1176 / 200)


def test_machines_are_processes(prediction: Prediction, moe_prediction: Prediction) -> None:
    named = {e["pid"]: e["args"]["name"] for e in events(prediction, moe_prediction) if e["name"] == "process_name"}
    assert named == {1: "tiny on default 8x8 (predicted)", 2: "tiny-moe on default 3x16x16 (predicted)"}

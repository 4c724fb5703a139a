"""The timeline in Chrome's trace format, which ui.perfetto.dev opens.

A machine is a process, an engine a thread, an instruction a slice; the activation buffer's use is a counter. Times are
microseconds at the machine's clock; cycles stand in the arguments.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from vitaccel.backends.cost_model.result import Event, Prediction

ENGINES = ("load", "compute", "vector", "store")
"""Threads, top to bottom."""


def chrome_trace(predictions: Sequence[Prediction]) -> str:
    """Return the instructions of every prediction as trace events in JSON, one event a line."""
    lines = [
        json.dumps(event, ensure_ascii=False, allow_nan=False)
        for process, prediction in enumerate(predictions, 1)
        for event in _events(prediction, process)
    ]
    return '{"displayTimeUnit": "ns", "traceEvents": [\n' + ",\n".join(lines) + "\n]}\n"


def _events(prediction: Prediction, process: int) -> Iterator[dict[str, Any]]:
    title = f"{prediction.model} on {prediction.arch.name} {prediction.arch.array} (predicted)"
    yield _metadata("process_name", process, 0, {"name": title})
    threads = {engine: at for at, engine in enumerate(_engines(prediction), 1)}
    for engine, thread in threads.items():
        yield _metadata("thread_name", process, thread, {"name": engine})
        yield _metadata("thread_sort_index", process, thread, {"sort_index": thread})
    microseconds = 1e6 / prediction.arch.frequency_hz
    for event in prediction.timeline:
        yield _slice(event, process, threads[event.engine], microseconds)
    for point in prediction.occupancy:
        yield {
            "name": "activation buffer",
            "ph": "C",
            "pid": process,
            "ts": point.cycle * microseconds,
            "args": {"bytes": point.used_bytes},
        }


def _engines(prediction: Prediction) -> list[str]:
    found = {event.engine for event in prediction.timeline}
    return [engine for engine in ENGINES if engine in found] + sorted(found - set(ENGINES))


def _metadata(name: str, process: int, thread: int, args: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "ph": "M", "pid": process, "tid": thread, "args": args}


def _slice(event: Event, process: int, thread: int, microseconds: float) -> dict[str, Any]:
    return {
        "name": event.layer or event.mnemonic,
        "cat": event.mnemonic,
        "ph": "X",
        "pid": process,
        "tid": thread,
        "ts": event.start * microseconds,
        "dur": event.occupied * microseconds,
        "args": {
            "instruction": event.mnemonic,
            "layer": event.layer,
            "start_cycle": event.start,
            "occupied_cycles": event.occupied,
            "done_cycle": event.done,
        },
    }

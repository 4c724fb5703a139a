"""Predictions side by side, each number with its ratio to the first column's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vitaccel.backends.cost_model.result import LayerCost, Prediction
from vitaccel.report.breakdown import by_op, split_cycles
from vitaccel.report.summary import CYCLE_WORDS, clock_in_words, cycle_parts, device_in_words, peak_occupancy_bytes
from vitaccel.report.table import Column, Table
from vitaccel.report.units import binary_bytes, percent, rate, ratio, si


@dataclass(frozen=True)
class Metric:
    """A number of a prediction: its name, its value and how it is written."""

    label: str
    value: Callable[[Prediction], float]
    written: Callable[[float], str]


METRICS = (
    Metric("PEs", lambda p: p.arch.array.pes, lambda v: f"{v:.0f}"),
    Metric("parameters", lambda p: p.params, si),
    Metric("MACs", lambda p: p.actions.macs, si),
    Metric("cycles", lambda p: p.cycles.elapsed, lambda v: f"{v:,.0f}"),
    Metric("latency", lambda p: p.latency_s, lambda v: si(v, "s")),
    Metric("frames/s", lambda p: p.fps, rate),
    Metric("GOPS", lambda p: p.gops, rate),
    Metric("utilization", lambda p: p.utilization, percent),
    Metric("DRAM traffic", lambda p: p.traffic.total_bytes, lambda v: si(v, "B")),
    Metric("DRAM bandwidth", lambda p: p.bandwidth_bytes_per_s, lambda v: si(v, "B/s")),
    Metric("energy a frame", lambda p: p.energy.total_j / p.frames, lambda v: si(v, "J")),
    Metric("activation peak", lambda p: peak_occupancy_bytes(p), lambda v: binary_bytes(round(v))),
)
"""What is compared."""


def column_titles(predictions: Sequence[Prediction]) -> tuple[str, ...]:
    """Return what tells the columns apart: the model, the machine, its PEs and its input, as far as they differ."""
    aspects: tuple[Callable[[Prediction], str], ...] = (
        lambda p: p.model,
        lambda p: p.arch.name,
        lambda p: f"{p.arch.array} PEs",
    )
    parts = [[aspect(p) for p in predictions] for aspect in aspects]
    telling = [part for part in parts if len(set(part)) > 1] or parts
    titles = [", ".join(part) for part in zip(*telling, strict=True)]
    twice = {title for title in titles if titles.count(title) > 1}
    return tuple(f"{title} ({at})" if title in twice else title for at, title in enumerate(titles, 1))


def comparison_tables(predictions: Sequence[Prediction]) -> tuple[Table, ...]:
    """Return the totals, the parts of the cycles and the cycles of each operator, one column a prediction."""
    columns = [Column("")]
    for at, title in enumerate(column_titles(predictions)):
        columns += [Column(title, right=True)] + ([Column("ratio", right=True, spare=1)] if at else [])
    total = (_row("total", [p.cycles.elapsed for p in predictions], _whole),)
    return (
        Table("Where the cycles go (predicted)", tuple(columns), _cycle_rows(predictions), footer=total),
        Table("Cycles by operator (predicted)", tuple(columns), _op_rows(predictions), footer=total),
        Table("Side by side (predicted, not measured)", tuple(columns), _metric_rows(predictions)),
    )


def _metric_rows(predictions: Sequence[Prediction]) -> tuple[tuple[str, ...], ...]:
    rows = [_row(m.label, [m.value(p) for p in predictions], m.written) for m in METRICS]
    rows.append(_words("bottleneck", [p.bottleneck for p in predictions]))
    if any(p.routing for p in predictions):
        rows.append(_words("routing", [p.routing or "none" for p in predictions]))
    if any(p.at_predicted_clock for p in predictions):
        rows.append(_words("clock", [_clock(p) for p in predictions]))
    rows.append(_words("device", [_device(p) for p in predictions]))
    return tuple(rows)


def _clock(prediction: Prediction) -> str:
    use, frequency_hz = prediction.use, prediction.arch.frequency_hz
    return clock_in_words(use, frequency_hz).split(":")[0] if use else f"{frequency_hz / 1e6:g} MHz assumed"


def _device(prediction: Prediction) -> str:
    """Whether it fits, without how well or why not."""
    return device_in_words(prediction).split(":")[0].split(";")[0]


def _cycle_rows(predictions: Sequence[Prediction]) -> tuple[tuple[str, ...], ...]:
    parts = [cycle_parts(split_cycles(p.layers, p.arch.array.pes)) for p in predictions]
    return tuple(_row(words, [part[key] for part in parts], _whole) for key, (words, _) in CYCLE_WORDS.items())


def _op_rows(predictions: Sequence[Prediction]) -> tuple[tuple[str, ...], ...]:
    found: list[dict[str, LayerCost]] = [{part.name: part for part in by_op(p)} for p in predictions]
    ops = dict.fromkeys(op for ops in found for op in ops)
    return tuple(_row(op, [ops_of[op].cycles.elapsed if op in ops_of else 0 for ops_of in found], _whole) for op in ops)


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _row(label: str, values: Sequence[float], written: Callable[[float], str]) -> tuple[str, ...]:
    cells = [label, written(values[0])]
    for value in values[1:]:
        cells += [written(value), ratio(value, values[0])]
    return tuple(cells)


def _words(label: str, values: Sequence[str]) -> tuple[str, ...]:
    cells = [label, values[0]]
    for value in values[1:]:
        cells += [value, ""]
    return tuple(cells)

"""The engines over time, and the activation buffer with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from vitaccel.backends.cost_model.result import Event, Prediction
from vitaccel.report.html.figure import ENGINE_COLORS, INK, MUTED, PART_COLORS, Figure, layout, time_scale
from vitaccel.report.summary import peak_occupancy_bytes
from vitaccel.report.trace import ENGINES
from vitaccel.report.units import binary_bytes, percent

MOST_SPANS = 1500
"""Beyond this many, the spans of layers are drawn as those of blocks; a page stays light for any program."""

MOST_STEPS = 4000
"""Beyond this many, only the highest use within each of as many equal spans of time is drawn."""


@dataclass(frozen=True)
class Span:
    """Consecutive instructions of one engine for one layer (or block); times in cycles."""

    engine: str
    name: str
    start: int
    end: int
    busy: int
    instructions: int


def spans(timeline: Sequence[Event], most: int = MOST_SPANS) -> list[Span]:
    """Return the timeline as spans of layers, or of blocks when there would be more than *most*."""
    found = _merged(timeline, lambda event: event.layer)
    return found if len(found) <= most else _merged(timeline, lambda event: event.layer.split(".", 1)[0])


def _merged(timeline: Sequence[Event], name: Callable[[Event], str]) -> list[Span]:
    found: list[Span] = []
    latest: dict[str, int] = {}
    for event in timeline:
        if not event.occupied:
            continue
        at = latest.get(event.engine)
        last = found[at] if at is not None else None
        end = event.start + event.occupied
        if at is not None and last is not None and last.name == name(event):
            found[at] = Span(last.engine, last.name, last.start, end, last.busy + event.occupied, last.instructions + 1)
            continue
        latest[event.engine] = len(found)
        found.append(Span(event.engine, name(event), event.start, end, event.occupied, 1))
    return found


def engine_timeline(prediction: Prediction) -> Figure:
    """Return a bar for every span of an engine, paler the more the engine idles in it."""
    hertz, elapsed = prediction.arch.frequency_hz, prediction.cycles.elapsed
    factor, unit = time_scale(elapsed / hertz)
    drawn = spans(prediction.timeline)
    traces = tuple(
        _bars(engine, [span for span in drawn if span.engine == engine], factor / hertz, unit) for engine in ENGINES
    )
    busy = prediction.busy.compute / elapsed if elapsed else 0.0
    fetching = prediction.busy.load / elapsed if elapsed else 0.0
    look = layout(
        height=300,
        x=f"time, {unit}",
        y="",
        barmode="overlay",
        bargap=0.28,
        showlegend=False,
        yaxis={"autorange": "reversed", "showgrid": False, "tickfont": {"color": INK, "size": 13}},
    )
    return Figure(
        f"The compute engine is occupied {percent(busy)} of the time, the load engine {percent(fetching)}",
        "What each engine works on over time: point at a bar for its layer, drag to zoom. Bars are consecutive "
        "instructions of a layer; the paler, the more the engine waits within.",
        traces,
        look,
    )


def _bars(engine: str, drawn: Sequence[Span], scale: float, unit: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": engine,
        "y": [engine] * len(drawn),
        "base": [_rounded(span.start * scale) for span in drawn],
        "x": [_rounded((span.end - span.start) * scale) for span in drawn],
        "marker": {
            "color": ENGINE_COLORS[engine],
            # Neighbours differ a little, and a line of the same colour keeps the shortest in sight.
            "opacity": [
                round((0.25 + 0.75 * span.busy / (span.end - span.start)) * (1.0, 0.8)[at % 2], 2)
                for at, span in enumerate(drawn)
            ],
            "line": {"width": 0.6, "color": ENGINE_COLORS[engine]},
        },
        "text": [
            f"<b>{escape(span.name)}</b><br>{span.end - span.start:,} cycles, "
            f"{percent(span.busy / (span.end - span.start), 0)} occupied<br>"
            f"{span.instructions} instruction{'' if span.instructions == 1 else 's'}"
            for span in drawn
        ],
        "textposition": "none",
        "hovertemplate": f"%{{text}}<br>from %{{base:.4g}} {unit}<extra>{engine}</extra>",
    }


def buffer_occupancy(prediction: Prediction) -> Figure:
    """Return the use of the activation buffer as steps, under its size."""
    hertz, size = prediction.arch.frequency_hz, prediction.arch.buffers.activation_bytes
    factor, unit = time_scale(prediction.cycles.elapsed / hertz)
    points = highest([(point.cycle, point.used_bytes) for point in prediction.occupancy])
    peak = peak_occupancy_bytes(prediction)
    used = {
        "type": "scatter",
        "mode": "lines",
        "name": "in use",
        "x": [_rounded(cycle / hertz * factor) for cycle, _ in points],
        "y": [round(value / 1024, 3) for _, value in points],
        "line": {"shape": "hv", "color": PART_COLORS["useful"], "width": 1.5},
        "fill": "tozeroy",
        "fillcolor": "rgba(47,102,144,0.18)",
        "hovertemplate": f"%{{x:.4g}} {unit}<br>%{{y:,.1f}} KiB<extra></extra>",
    }
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": size / 1024, "y1": size / 1024}
    label = {
        "xref": "paper", "x": 0, "y": size / 1024, "text": f"buffer, {binary_bytes(size)}", "showarrow": False,
        "xanchor": "left", "yanchor": "bottom", "font": {"color": MUTED, "size": 12},
    }  # fmt: skip
    # A buffer far larger than its use would press the curve flat; then only the words tell its size.
    near = peak * 4 >= size
    look = layout(
        height=280,
        x=f"time, {unit}",
        y="KiB",
        showlegend=False,
        yaxis={"rangemode": "tozero"},
        shapes=[{**line, "line": {"color": MUTED, "width": 1.5, "dash": "dot"}}] if near else [],
        annotations=[label] if near else [],
    )
    return Figure(
        f"Activations peak at {binary_bytes(peak)}, {percent(peak / size)} of their buffer",
        f"Bytes of the activation buffer in use over time, of {binary_bytes(size)}.",
        (used,),
        look,
    )


def highest(points: list[tuple[int, int]], most: int = MOST_STEPS) -> list[tuple[int, int]]:
    """Return at most about *most* of the steps, the highest of each span of time, so that the peak always stays."""
    if len(points) <= most:
        return points
    width = max(1, (points[-1][0] - points[0][0]) // most + 1)
    kept: dict[int, tuple[int, int]] = {}
    for cycle, value in points:
        at = cycle // width
        if at not in kept or value > kept[at][1]:
            kept[at] = (cycle, value)
    return list(kept.values())


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")

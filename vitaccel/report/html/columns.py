"""Several predictions in one figure: their latencies, split by what the PE arrays do."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from vitaccel.backends.cost_model.result import Prediction
from vitaccel.report.breakdown import split_cycles
from vitaccel.report.compare import column_titles
from vitaccel.report.html.figure import PART_COLORS, Figure, layout, time_scale
from vitaccel.report.summary import CYCLE_WORDS
from vitaccel.report.units import si


def latencies(predictions: Sequence[Prediction]) -> Figure:
    """Return one stacked bar a prediction, in the order given."""
    titles = column_titles(predictions)
    factor, unit = time_scale(max(p.latency_s for p in predictions))
    splits = [split_cycles(p.layers, p.arch.array.pes) for p in predictions]
    traces = tuple(
        {
            "type": "bar",
            "orientation": "h",
            "name": words,
            "y": [escape(title) for title in titles],
            "x": [
                float(f"{getattr(split, part) / p.arch.frequency_hz * factor:.6g}")
                for p, split in zip(predictions, splits, strict=True)
            ],
            "marker": {"color": PART_COLORS[part], "line": {"width": 0}},
            "hovertemplate": f"%{{y}}<br>{words}: %{{x:.4g}} {unit}<extra></extra>",
        }
        for part, (words, _) in CYCLE_WORDS.items()
        if any(getattr(split, part) for split in splits)
    )
    fastest = min(range(len(predictions)), key=lambda at: predictions[at].latency_s)
    look = layout(
        height=120 + 46 * len(predictions),
        x=f"latency, {unit}",
        y="",
        barmode="stack",
        bargap=0.35,
        yaxis={"autorange": "reversed", "showgrid": False, "type": "category"},
    )
    return Figure(
        f"{titles[fastest]} is the fastest, {si(predictions[fastest].latency_s, 's')}",
        "Latency of each column, by what the PE arrays do.",
        traces,
        look,
    )

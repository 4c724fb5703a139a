"""The roofline: what each layer achieves against what the PEs and the DRAM interface allow."""

from __future__ import annotations

from html import escape
from math import log10
from typing import Any

from vitaccel.backends.cost_model.result import LayerCost, Prediction
from vitaccel.report.breakdown import utilization
from vitaccel.report.html.figure import INK, MUTED, OP_COLORS, Figure, layout
from vitaccel.report.summary import available_bytes_per_s, peak_gops
from vitaccel.report.units import percent, si

LEAST_DOT, LARGEST_DOT = 7.0, 34.0
"""Diameters in pixels of a layer that takes no time and of one that takes all of it (areas are shares of time)."""

NO_TRAFFIC_FACTOR = 4.0
"""A layer without DRAM traffic stands this far right of the last one with some."""


def roofline(prediction: Prediction) -> Figure:
    """Return a point for each layer that multiplies, under the machine's two ceilings."""
    layers = [layer for layer in prediction.layers if layer.actions.macs and layer.cycles.elapsed]
    peak, slope = peak_gops(prediction), available_bytes_per_s(prediction) / 1e9
    known = [_intensity(layer) for layer in layers if layer.traffic.total_bytes]
    ridge = peak / slope
    right = NO_TRAFFIC_FACTOR * max([*known, ridge])
    left = min([*known, ridge]) / 2
    lowest = min([_gops(layer, prediction) for layer in layers], default=peak / 10)
    traces = [
        _ceiling(left, right * 2, peak, slope, ridge),
        *_points(prediction, layers, right),
        _whole(prediction, right),
    ]
    look = layout(
        height=440,
        x="operations per DRAM byte",
        y="GOPS",
        xaxis={"type": "log", "dtick": 1, "tickformat": "~s"},
        yaxis={"type": "log", "dtick": "D2", "tickformat": "~s", "range": _decades(lowest / 2, peak * 2)},
        hovermode="closest",
        annotations=[_label(right, peak, f"{peak:,.4g} GOPS", "right"), _slope_label(left, slope, ridge)],
    )
    return Figure(_finding(prediction, layers, ridge), _EXPLANATION, tuple(traces), look)


_EXPLANATION = (
    "Each dot is a layer, its area the time it takes. The line is the most this machine allows: rising where DRAM is "
    "the limit, flat where the PEs are. Layers that touch no DRAM stand at the right edge. Weights that load while an "
    "earlier layer computes can lift a dot above the rising line."
)


def _finding(prediction: Prediction, layers: list[LayerCost], ridge: float) -> str:
    elapsed = prediction.cycles.elapsed
    starved = [layer for layer in layers if layer.traffic.total_bytes and _intensity(layer) < ridge]
    if not starved or not elapsed:
        return "Every layer has enough work per DRAM byte to keep the PEs busy"
    share = percent(sum(layer.cycles.elapsed for layer in starved) / elapsed)
    return f"{len(starved)} of {len(layers)} layers, {share} of the time, do too little work a DRAM byte for the PEs"


def _points(prediction: Prediction, layers: list[LayerCost], right: float) -> list[dict[str, Any]]:
    ops = dict.fromkeys(layer.op for layer in layers)
    return [
        _dots(op, color, [layer for layer in layers if layer.op == op], prediction, right)
        for op, color in zip(ops, OP_COLORS * len(ops), strict=False)
    ]


def _dots(op: str, color: str, layers: list[LayerCost], prediction: Prediction, right: float) -> dict[str, Any]:
    elapsed, pes = prediction.cycles.elapsed, prediction.arch.array.pes
    shares = [layer.cycles.elapsed / elapsed for layer in layers]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": escape(op),
        "x": [_rounded(_intensity(layer) if layer.traffic.total_bytes else right) for layer in layers],
        "y": [_rounded(_gops(layer, prediction)) for layer in layers],
        "marker": {
            "color": color,
            "opacity": 0.6,
            "size": [round(LEAST_DOT + (LARGEST_DOT - LEAST_DOT) * share**0.5, 1) for share in shares],
            "line": {"width": 1, "color": "#ffffff"},
        },
        "text": [
            f"<b>{escape(layer.name)}</b><br>{percent(share)} of the time, utilization "
            f"{percent(utilization(layer, pes))}<br>{si(layer.actions.macs)} MACs, "
            f"{si(layer.traffic.total_bytes, 'B')} of DRAM traffic"
            for layer, share in zip(layers, shares, strict=True)
        ],
        "hovertemplate": "%{text}<extra></extra>",
    }


def _whole(prediction: Prediction, right: float) -> dict[str, Any]:
    moved = prediction.traffic.total_bytes
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "whole network",
        "x": [_rounded(2 * prediction.actions.macs / moved) if moved else right],
        "y": [_rounded(prediction.gops)],
        "marker": {"symbol": "diamond", "size": 15, "color": INK, "line": {"width": 1.5, "color": "#ffffff"}},
        "hovertemplate": "<b>whole network</b><br>%{x:.3g} operations per byte<br>%{y:.3g} GOPS<extra></extra>",
    }


def _ceiling(left: float, right: float, peak: float, slope: float, ridge: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "machine",
        "x": [_rounded(x) for x in (left, ridge, right)],
        "y": [_rounded(y) for y in (left * slope, peak, peak)],
        "line": {"color": MUTED, "width": 2},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _label(x: float, y: float, text: str, anchor: str) -> dict[str, Any]:
    return {
        "x": log10(x),
        "y": log10(y),
        "text": text,
        "showarrow": False,
        "xanchor": anchor,
        "yanchor": "bottom",
        "font": {"color": MUTED, "size": 12},
    }


def _slope_label(left: float, slope: float, ridge: float) -> dict[str, Any]:
    middle = (left * ridge) ** 0.5
    return _label(middle, middle * slope, f"{slope:.3g} GB/s", "right")


def _decades(low: float, high: float) -> list[float]:
    return [log10(low), log10(high)]


def _intensity(layer: LayerCost) -> float:
    return 2 * layer.actions.macs / layer.traffic.total_bytes


def _gops(layer: LayerCost, prediction: Prediction) -> float:
    return 2 * layer.actions.macs / layer.cycles.elapsed * prediction.arch.frequency_hz / 1e9


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")

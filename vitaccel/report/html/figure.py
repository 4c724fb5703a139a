"""A figure as plotly's JavaScript takes it, and the look that all figures share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

INK = "#25303b"
MUTED = "#66727f"
GRID = "#e7eaee"

PART_COLORS = {
    "useful": "#2f6690",
    "padding": "#a8c5da",
    "drain": "#c4c9cf",
    "load": "#d9893d",
    "vector": "#5f9e7f",
    "store": "#b0596b",
}
"""Colours of the parts of the cycles; an engine has the colour of waiting for it."""

ENGINE_COLORS = {
    "load": PART_COLORS["load"],
    "compute": PART_COLORS["useful"],
    "vector": PART_COLORS["vector"],
    "store": PART_COLORS["store"],
}
TRAFFIC_COLORS = {
    "weight": "#d9893d",
    "constant": "#ecc79d",
    "input": "#5f9e7f",
    "output": "#b0596b",
    "spill": "#7a4f6d",
}
ENERGY_COLORS = {
    "mac_pj": "#2f6690",
    "lane_pj": "#5f9e7f",
    "sram_pj": "#8c86b4",
    "dram_pj": "#d9893d",
    "static_pj": "#c4c9cf",
}
OP_COLORS = ("#2f6690", "#d9893d", "#5f9e7f", "#b0596b", "#8c86b4", "#7d6b52", "#4aa3a8", "#c4a646", "#66727f")
"""Colours of operators, in order of first appearance, again from the start when there are more."""


@dataclass(frozen=True)
class Figure:
    """Traces and layout of a plotly figure under a heading.

    Parameters
    ----------
    finding
        The heading: what the figure shows about this network, as a sentence.
    explanation
        How to read it.
    traces, layout
        As ``Plotly.newPlot`` takes them.
    """

    finding: str
    explanation: str
    traces: tuple[dict[str, Any], ...]
    layout: dict[str, Any]


def layout(*, height: int, x: str, y: str, **more: Any) -> dict[str, Any]:
    """Return the shared look with titled axes; keyword arguments override whole top-level keys, axes key by key."""
    axis = {
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": GRID,
        "ticks": "",
        "automargin": True,
        "tickfont": {"color": MUTED, "size": 12},
    }
    base: dict[str, Any] = {
        "height": height,
        "margin": {"l": 60, "r": 20, "t": 12, "b": 48},
        "font": {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"bgcolor": "#ffffff", "bordercolor": GRID, "font": {"color": INK, "size": 13}, "align": "left"},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#aab4be", "activecolor": MUTED},
        "xaxis": {**axis, "title": {"text": x, "font": {"color": MUTED, "size": 13}}},
        "yaxis": {**axis, "title": {"text": y, "font": {"color": MUTED, "size": 13}}},
    }
    for key, value in more.items():
        base[key] = {**base[key], **value} if key in ("xaxis", "yaxis", "margin", "legend") else value
    return base


def time_scale(seconds: float) -> tuple[float, str]:
    """Return the factor and the unit in which a span of time reads well."""
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if seconds * factor >= 1:
            return factor, unit
    return 1e6, "µs"


def byte_scale(size: float) -> tuple[float, str]:
    """Return the factor and the decimal unit in which a number of bytes reads well."""
    for factor, unit in ((1e-9, "GB"), (1e-6, "MB"), (1e-3, "kB")):
        if size * factor >= 1:
            return factor, unit
    return 1.0, "B"


def joule_scale(energy: float) -> tuple[float, str]:
    """Return the factor and the unit in which an energy reads well."""
    for factor, unit in ((1.0, "J"), (1e3, "mJ"), (1e6, "µJ")):
        if energy * factor >= 1:
            return factor, unit
    return 1e9, "nJ"

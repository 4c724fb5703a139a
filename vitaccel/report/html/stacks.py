"""Stacked bars: where the cycles, the DRAM bytes and the energy go, by block or by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from vitaccel.backends.cost_model.result import LayerCost, Prediction
from vitaccel.report.breakdown import by_block, layers_by_block, split_cycles
from vitaccel.report.html.figure import (
    ENERGY_COLORS,
    PART_COLORS,
    TRAFFIC_COLORS,
    Figure,
    byte_scale,
    joule_scale,
    layout,
    time_scale,
)
from vitaccel.report.summary import CYCLE_WORDS, ENERGY_WORDS, TRAFFIC_WORDS, bottleneck_in_words
from vitaccel.report.units import percent, si


def cycles_by_block(prediction: Prediction) -> Figure:
    """Return the elapsed time of every block by what the array does in it."""
    said = bottleneck_in_words(prediction)
    return _cycles(
        prediction,
        layers_by_block(prediction),
        finding=said[:1].upper() + said[1:],
        explanation="Elapsed time of each block, by what the PE arrays do in it. The parts sum to the latency.",
        height=380,
    )


def cycles_by_layer(prediction: Prediction) -> Figure:
    """Return the elapsed time of every layer, in program order."""
    longest = max(prediction.layers, key=lambda layer: layer.cycles.elapsed)
    share = percent(longest.cycles.elapsed / max(1, prediction.cycles.elapsed))
    return _cycles(
        prediction,
        {layer.name: (layer,) for layer in prediction.layers},
        finding=f"The slowest layer is {longest.name}, {share} of the time",
        explanation="The same for each layer, in program order; point at a bar to read it, drag to zoom.",
        height=360,
        ticks=len(prediction.layers) <= 60,
    )


def traffic_by_block(prediction: Prediction) -> Figure:
    """Return the DRAM bytes of every block by kind of tensor."""
    total, blocks = prediction.traffic, by_block(prediction)
    most = max(TRAFFIC_WORDS, key=lambda kind: getattr(total, kind))
    factor, unit = byte_scale(max((block.traffic.total_bytes for block in blocks), default=0))
    finding = "Nothing moves over the DRAM interface"
    if total.total_bytes:
        share = percent(getattr(total, most) / total.total_bytes, 0)
        finding = f"{share} of the {si(total.total_bytes, 'B')} of DRAM traffic: {TRAFFIC_WORDS[most]}"
    return _stack(
        [block.name for block in blocks],
        {kind: [getattr(block.traffic, kind) * factor for block in blocks] for kind in TRAFFIC_WORDS},
        TRAFFIC_WORDS,
        TRAFFIC_COLORS,
        unit=unit,
        finding=finding,
        explanation="Bytes over the DRAM interface of each block, by kind of tensor.",
        height=340,
    )


def energy_by_block(prediction: Prediction) -> Figure:
    """Return the energy of every block by component."""
    total, blocks = prediction.energy, by_block(prediction)
    most = max(ENERGY_WORDS, key=lambda part: getattr(total, part))
    factor, unit = joule_scale(max((block.energy.total_j for block in blocks), default=0.0))
    share = percent(getattr(total, most) * 1e-12 / total.total_j, 0) if total.total_j else "0%"
    return _stack(
        [block.name for block in blocks],
        {part: [getattr(block.energy, part) * 1e-12 * factor for block in blocks] for part in ENERGY_WORDS},
        ENERGY_WORDS,
        ENERGY_COLORS,
        unit=unit,
        finding=f"{share} of the {si(total.total_j, 'J')}: {ENERGY_WORDS[most]}",
        explanation=f"Energy of each block, by component. Source: {prediction.arch.energy.source}.",
        height=340,
    )


def _cycles(prediction: Prediction, bars: Mapping[str, Sequence[LayerCost]], **about: Any) -> Figure:
    pes, hertz = prediction.arch.array.pes, prediction.arch.frequency_hz
    splits = [split_cycles(layers, pes) for layers in bars.values()]
    factor, unit = time_scale(max((split.elapsed for split in splits), default=0) / hertz)
    sizes = {part: [getattr(split, part) / hertz * factor for split in splits] for part in CYCLE_WORDS}
    words = {part: words for part, (words, _) in CYCLE_WORDS.items()}
    return _stack(list(bars), sizes, words, PART_COLORS, unit=unit, **about)


def _stack(
    names: Sequence[str],
    sizes: Mapping[str, Sequence[float]],
    words: Mapping[str, str],
    colors: Mapping[str, str],
    *,
    unit: str,
    finding: str,
    explanation: str,
    height: int,
    ticks: bool = True,
) -> Figure:
    traces = tuple(
        {
            "type": "bar",
            "name": words[part],
            "x": [escape(name) for name in names],
            "y": [float(f"{size:.6g}") for size in values],
            "marker": {"color": colors[part], "line": {"width": 0}},
            "hovertemplate": f"%{{x}}<br>{words[part]}: %{{y:.4g}} {unit}<extra></extra>",
        }
        for part, values in sizes.items()
        if any(values)
    )
    axis = {"showgrid": False, "showticklabels": ticks, "tickangle": -45 if len(names) > 8 else 0, "type": "category"}
    title = "" if ticks else "layers in program order"
    look = layout(height=height, x=title, y=unit, barmode="stack", bargap=0.25 if ticks else 0.05, xaxis=axis)
    return Figure(finding, explanation, traces, look)

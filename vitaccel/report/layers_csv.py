"""Layers as comma-separated values: one row a layer and machine, plain numbers in base units."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from vitaccel.backends.cost_model.result import Prediction
from vitaccel.report.breakdown import ordered, split_cycles, utilization
from vitaccel.report.summary import CYCLE_WORDS, cycle_parts

HEADINGS = (
    "model", "machine", "pe", "layer", "block", "op", "macs", "cycles", "utilization",
    *(f"cycles_{part}" for part in CYCLE_WORDS),
    "dram_bytes", "dram_bytes_weight", "dram_bytes_constant", "dram_bytes_input", "dram_bytes_output",
    "dram_bytes_spill", "energy_j",
)  # fmt: skip
"""The first line."""


def layers_csv(predictions: Iterable[Prediction], *, sort: str = "program") -> str:
    """Return a heading line and one line for each layer of each prediction.

    Raises
    ------
    VitaccelError
        If *sort* is unknown.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADINGS)
    for prediction in predictions:
        arch = prediction.arch
        for layer in ordered(prediction.layers, sort):
            traffic = layer.traffic
            writer.writerow((
                prediction.model, arch.name, arch.array, layer.name, layer.block, layer.op,
                layer.actions.macs, layer.cycles.elapsed, utilization(layer, arch.array.pes),
                *cycle_parts(split_cycles((layer,), arch.array.pes)).values(),
                traffic.total_bytes, traffic.weight, traffic.constant, traffic.input, traffic.output, traffic.spill,
                layer.energy.total_j,
            ))  # fmt: skip
    return text.getvalue()

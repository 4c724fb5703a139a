"""Layers of evaluations as comma-separated values: one row a layer and softmax mode, decibels as plain numbers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from vitaccel.evaluation.result import Evaluation
from vitaccel.evaluation.softmax_modes import softmax_mode

HEADINGS = ("model", "weight_bits", "softmax", "layer", "op", "value", "sqnr_db", "loss_db", "source")
"""The first line."""


def evaluation_csv(found: Iterable[Evaluation]) -> str:
    """Return a heading line and one line for each layer of each evaluation."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADINGS)
    for one in found:
        of_model = (one.model, one.numerics.weight_bits, softmax_mode(one.numerics))
        for layer in one.layers:
            writer.writerow((*of_model, layer.name, layer.op, layer.value, layer.sqnr_db, layer.loss_db, layer.source))
    return text.getvalue()

"""Everything about one prediction as tables, in the order a terminal is read: the summary last, where the eye is."""

from __future__ import annotations

from vitaccel.backends.cost_model.result import Prediction
from vitaccel.report.layer_table import block_table, layer_table
from vitaccel.report.summary import cycle_table, summary_table
from vitaccel.report.table import Table
from vitaccel.report.utilization import utilization_table


def tables(prediction: Prediction, *, sort: str = "program", top: int | None = None) -> tuple[Table, ...]:
    """Return layers, blocks, cycles, utilization and summary; ``top=0`` leaves the layers out.

    Raises
    ------
    VitaccelError
        If *sort* is unknown.
    """
    layers = () if top == 0 else (layer_table(prediction, sort=sort, top=top),)
    parts = (block_table, cycle_table, utilization_table, summary_table)
    return (*layers, *(made(prediction) for made in parts))

"""Tables of layers and of blocks, with totals that equal the sum of their rows."""

from __future__ import annotations

from collections.abc import Sequence

from vitaccel.backends.cost_model.result import LayerCost, Prediction
from vitaccel.report.breakdown import by_block, merge, ordered, utilization, waited_for
from vitaccel.report.table import Column, Table
from vitaccel.report.units import percent, si

_NUMBERS = (
    Column("MACs", right=True, spare=3),
    Column("cycles", right=True),
    Column("%", right=True),
    Column("util.", right=True),
    Column("DRAM", right=True, spare=4),
    Column("energy", right=True, spare=2),
    Column("waits for", spare=5),
)


def layer_table(prediction: Prediction, *, sort: str = "program", top: int | None = None) -> Table:
    """Return one row a layer and a total.

    Parameters
    ----------
    prediction
        What to show.
    sort
        ``program``, ``time``, ``energy`` or ``traffic``.
    top
        Rows to show; the others become one row, so that the total still is the sum of the rows.

    Raises
    ------
    VitaccelError
        If *sort* is unknown.
    """
    layers = ordered(prediction.layers, sort)
    shown, rest = (layers, ()) if top is None or top >= len(layers) else (layers[:top], layers[top:])
    total = merge(layers, "total")
    pes, elapsed = prediction.arch.array.pes, total.cycles.elapsed
    rows = [(layer.name, layer.op, *_numbers(layer, pes, elapsed)) for layer in shown]
    if rest:
        rows.append((f"{len(rest)} more", "", *_numbers(merge(rest, ""), pes, elapsed)))
    order = {"program": "in program order", "time": "slowest first"}.get(sort, f"most {sort} first")
    return Table(
        f"Layers, {order} (predicted)",
        (Column("layer"), Column("op", spare=1), *_NUMBERS),
        tuple(rows),
        footer=((total.name, "", *_numbers(total, pes, elapsed)),),
    )


def block_table(prediction: Prediction) -> Table:
    """Return one row a block in program order, and a total."""
    total = merge(prediction.layers, "total")
    pes, elapsed = prediction.arch.array.pes, total.cycles.elapsed
    rows = [(part.name, part.op.split()[0], *_numbers(part, pes, elapsed)) for part in (*by_block(prediction), total)]
    return Table(
        "Blocks (predicted)",
        (Column("block"), Column("layers", right=True, spare=1), *_NUMBERS),
        tuple(rows[:-1]),
        footer=(rows[-1],),
    )


def _numbers(layer: LayerCost, pes: int, elapsed: int) -> Sequence[str]:
    return (
        si(layer.actions.macs) if layer.actions.macs else "",
        f"{layer.cycles.elapsed:,}",
        percent(layer.cycles.elapsed / elapsed if elapsed else 0.0),
        percent(utilization(layer, pes)) if layer.actions.macs else "",
        si(layer.traffic.total_bytes, "B") if layer.traffic.total_bytes else "",
        si(layer.energy.total_j, "J"),
        waited_for(layer),
    )

"""Utilization, itemized: what becomes of every cycle of every PE."""

from __future__ import annotations

from vitaccel.backends.cost_model.result import Prediction
from vitaccel.report.table import Column, Table
from vitaccel.report.units import percent

MAC_SLOT_WORDS = {
    "useful": ("useful", "MACs that count"),
    "tokens": ("padding, tokens", "rows that do not fill a tile of P, and those of class tokens beside patches"),
    "keys": ("padding, keys", "logits of a row that do not fill a tile of P"),
    "channels": ("padding, channels", "columns and heads that do not fill tiles of P, or all arrays"),
    "depth": ("short tiles", "a tile of less depth than P waits for the one before it to drain"),
    "passes": ("other products", "further digits of numerators, products with constants"),
    "frames": ("tile intervals", "tiles begin at frames; the first of a column brings parameter sets"),
    "softmax": ("softmax", "sums wait for the statistics of their row-block"),
    "drain": ("drain", "the array waits for its own results to leave"),
    "layernorm": ("LayerNorm", "the array waits for a LayerNorm"),
    "lanes": ("other lanes", "the array waits for another stream through the lanes"),
    "experts": ("experts", "the array waits for routing, gather or scatter-add"),
    "load": ("memory read", "the array waits for weights or activations from DRAM"),
    "store": ("memory write", "the array waits for a store"),
    "program": ("program", "the array waits for its instruction, from DRAM, too"),
}
"""Parts of all MAC slots and what they are, by field of :class:`~vitaccel.backends.cost_model.mac_slots.MacSlots`."""


def utilization_table(prediction: Prediction) -> Table:
    """Return what becomes of every cycle of every PE; the rows sum to cycles times PEs."""
    slots = prediction.slots
    rows = tuple(
        (words, f"{getattr(slots, part):,}", _share(getattr(slots, part), slots.all), meaning)
        for part, (words, meaning) in MAC_SLOT_WORDS.items()
    )
    return Table(
        "Utilization, itemized (predicted)",
        (Column("part"), Column("MAC slots", right=True), Column("%", right=True), Column("", elastic=True)),
        rows,
        footer=(("total", f"{slots.all:,}", _share(slots.all, slots.all), "cycles x PEs"),),
    )


def _share(part: int, whole: int) -> str:
    return percent(part / whole if whole else 0.0, 2)

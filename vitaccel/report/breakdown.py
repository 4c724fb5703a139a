"""A prediction taken apart: layers, blocks and operators, each with its cycles split so that they sum to the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vitaccel.backends.cost_model.mac_slots import MacSlots
from vitaccel.backends.cost_model.result import Actions, Busy, Cycles, EnergyParts, LayerCost, Prediction, Traffic
from vitaccel.errors import VitaccelError, did_you_mean
from vitaccel.report.units import percent

SORTS = ("program", "time", "energy", "traffic")
"""Orders of a layer table."""

WORDS = {"drain": "drain", "load": "memory read", "vector": "lanes", "store": "memory write"}
"""What the array waits for, by the field of :class:`~vitaccel.backends.cost_model.result.Cycles`."""


@dataclass(frozen=True)
class CycleSplit:
    """Elapsed cycles of a layer or a network; the fields sum to them.

    Parameters
    ----------
    useful
        Cycles the array would take if every PE did a useful MAC in each: MACs / PEs, rounded.
    padding
        The rest of the array's cycles: rows, columns and depth that do not fill a tile, and second digit passes.
    drain, load, vector, store
        Cycles the array waits, and for what.
    """

    useful: int
    padding: int
    drain: int
    load: int
    vector: int
    store: int

    @property
    def elapsed(self) -> int:
        """All cycles."""
        return self.useful + self.padding + self.drain + self.load + self.vector + self.store


def split_cycles(layers: Iterable[LayerCost], pes: int) -> CycleSplit:
    """Return the cycles of *layers* on *pes* PEs, padding told from useful work; each layer is rounded by itself."""
    useful, cycles = 0, Cycles()
    for layer in layers:
        useful += min(layer.cycles.array, round(layer.actions.macs / pes))
        cycles = cycles + layer.cycles
    return CycleSplit(useful, cycles.array - useful, cycles.drain, cycles.load, cycles.vector, cycles.store)


def utilization(layer: LayerCost, pes: int) -> float:
    """Useful MACs / (cycles x PEs)."""
    slots = layer.cycles.elapsed * pes
    return layer.actions.macs / slots if slots else 0.0


def waited_for(layer: LayerCost) -> str:
    """Return what most of a layer's waiting was for, in words with its share, or "" when it never waited."""
    waits = {part: getattr(layer.cycles, part) for part in WORDS}
    longest = max(waits, key=lambda part: waits[part])
    return f"{WORDS[longest]} {percent(waits[longest] / layer.cycles.elapsed, 0)}" if waits[longest] else ""


def merge(layers: Iterable[LayerCost], name: str) -> LayerCost:
    """Return the sum of *layers* as one layer; its op says how many there are."""
    parts = tuple(layers)
    return LayerCost(
        name=name,
        op=f"{len(parts)} layer{'' if len(parts) == 1 else 's'}",
        cycles=Cycles.total(p.cycles for p in parts),
        busy=Busy.total(p.busy for p in parts),
        traffic=Traffic.total(p.traffic for p in parts),
        actions=Actions.total(p.actions for p in parts),
        energy=EnergyParts.total(p.energy for p in parts),
        slots=MacSlots.total(p.slots for p in parts),
    )


def by_block(prediction: Prediction) -> tuple[LayerCost, ...]:
    """Blocks in program order, each the sum of its layers."""
    return tuple(merge(parts, name) for name, parts in layers_by_block(prediction).items())


def by_op(prediction: Prediction) -> tuple[LayerCost, ...]:
    """Operators in order of first appearance, each the sum of its layers."""
    return tuple(merge(parts, name) for name, parts in _grouped(prediction.layers, lambda layer: layer.op).items())


def layers_by_block(prediction: Prediction) -> dict[str, list[LayerCost]]:
    """The layers of each block, blocks in program order."""
    return _grouped(prediction.layers, lambda layer: layer.block)


def _grouped(layers: Iterable[LayerCost], key: Callable[[LayerCost], str]) -> dict[str, list[LayerCost]]:
    groups: dict[str, list[LayerCost]] = {}
    for layer in layers:
        groups.setdefault(key(layer), []).append(layer)
    return groups


def ordered(layers: Iterable[LayerCost], sort: str) -> tuple[LayerCost, ...]:
    """Layers in program order or by falling cycles, energy or DRAM bytes; equals keep program order.

    Raises
    ------
    VitaccelError
        If *sort* is not one of :data:`SORTS`.
    """
    keys: dict[str, Callable[[LayerCost], float]] = {
        "time": lambda layer: -layer.cycles.elapsed,
        "energy": lambda layer: -layer.energy.total_j,
        "traffic": lambda layer: -layer.traffic.total_bytes,
    }
    if sort not in SORTS:
        raise VitaccelError(f"sort must be one of {', '.join(SORTS)}, not {sort!r}{did_you_mean(sort, SORTS)}")
    return tuple(layers) if sort == "program" else tuple(sorted(layers, key=keys[sort]))

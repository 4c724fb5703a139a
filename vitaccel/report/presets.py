"""The machines that ship with vitaccel, as tables: ``vitaccel simulate --list-presets``."""

from __future__ import annotations

from vitaccel.arch import Arch, load_preset, preset_names
from vitaccel.report.table import Column, Table

COLUMNS = (
    Column("preset"),
    Column("PEs"),
    Column("MHz", right=True),
    Column("ports", spare=3),
    Column("GB/s", right=True),
    Column("buffers KiB", spare=4),
    Column("multipliers", spare=1),
    Column("block RAM Mbit", spare=2),
    Column("energy from", elastic=True),
)
"""GB/s: what a streaming transfer reaches. Buffers: activations + weights + logits."""


def preset_table() -> Table:
    """One row a preset, ``default`` first and the others by name.

    ``multipliers`` and ``block RAM Mbit`` say what the machine takes of what its device has; ``-`` where nothing sets a
    limit.
    """
    return Table("", COLUMNS, tuple(_row(arch) for arch in _machines()))


def description_table() -> Table:
    """Name and description of every preset, in the same order."""
    columns = (Column(""), Column("", elastic=True))
    return Table("", columns, tuple((arch.name, arch.description) for arch in _machines()))


def _machines() -> tuple[Arch, ...]:
    return tuple(load_preset(name) for name in sorted(preset_names(), key=lambda name: (name != "default", name)))


def _row(arch: Arch) -> tuple[str, ...]:
    buffers = arch.buffers
    sizes = (buffers.activation_bytes, buffers.weight_bytes, buffers.logit_bytes, buffers.parameter_bytes)
    limits = arch.limits
    return (
        arch.name,
        f"{arch.array} ({arch.array.pes})",
        f"{arch.frequency_hz / 1e6:g}",
        f"{arch.memory.ports} x {arch.memory.bus_bits} bit",
        f"{arch.dram_bytes_per_cycle * arch.frequency_hz / 1e9:.4g}",
        " + ".join(f"{size / 1024:g}" for size in sizes),
        f"{arch.array.multipliers} of {limits.multipliers}" if limits.multipliers else "-",
        f"{arch.buffers.total_bytes * 8 / 1e6:.1f} of {limits.memory_bits / 1e6:.1f}" if limits.memory_bits else "-",
        arch.energy.source,
    )

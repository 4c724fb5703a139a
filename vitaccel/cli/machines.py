"""The options that choose machines: ``--preset``, ``--arch``, ``--set`` and ``--pe``, the same for every command."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from vitaccel.arch import Arch, load_arch, load_preset, preset_names
from vitaccel.errors import ArchError
from vitaccel.report.json_record import SCHEMA_VERSION, arch_record
from vitaccel.report.table import Column, Table
from vitaccel.report.units import binary_bytes, si

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = (
    click.option(
        "--pe", metavar="PEs", help="PE arrays: 64 or 8x8, 3x32x32 for three; a comma list gives one column each."
    ),
    click.option("--preset", metavar="NAME", help="A machine that ships with vitaccel (default: default)."),
    click.option("--arch", "arch_file", metavar="FILE", help="A machine from a TOML file."),
    click.option(
        "--set", "settings", metavar="KEY=VALUE", multiple=True,
        help="Change a number of the machine, such as memory.bus_bits=256; may be repeated.",
    ),
)  # fmt: skip


def machine_options(function: F) -> F:
    """Add the options of a machine."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def machines(*, pe: str | None, preset: str | None, arch_file: str | None, settings: Iterable[str]) -> list[Arch]:
    """Return one machine for each entry of ``--pe``: preset or file, then settings, then PEs.

    Raises
    ------
    ArchError
        If two machines are named, a key or preset is unknown, or a value is impossible.
    """
    if preset is not None and arch_file is not None:
        raise ArchError("a machine must come from --preset or from --arch, not from both")
    base = load_arch(Path(arch_file)) if arch_file is not None else load_preset(preset or "default")
    base = base.with_settings(dict(key_value(text) for text in settings))
    return [base.with_pe(part) for part in pe.split(",")] if pe is not None else [base]


def key_value(text: str) -> tuple[str, str]:
    """Split ``key=value``.

    Raises
    ------
    ArchError
        If there is no ``=``, or nothing before it.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ArchError(f"--set must be key=value, as in --set memory.bus_bits=256, not {text!r}")
    return key.strip(), value.strip()


def stated_keys(arch_file: str | None, settings: Iterable[str]) -> frozenset[str]:
    """Return the keys of the machine that its user wrote down, in the TOML file or behind ``--set``."""
    keys = {key_value(text)[0] for text in settings}
    if arch_file is not None:
        for key, value in tomllib.loads(Path(arch_file).read_text(encoding="utf-8")).items():
            keys |= {f"{key}.{inner}" for inner in value} if isinstance(value, dict) else {key}
    return frozenset(keys)


def preset_table() -> Table:
    """Return the machines that ship with vitaccel."""
    rows = []
    for name in preset_names():
        arch = load_preset(name)
        limit = arch.limits
        rows.append((
            name, str(arch.array), f"{arch.frequency_hz / 1e6:g} MHz",
            si(arch.dram_bytes_per_cycle * arch.frequency_hz, "B/s"), binary_bytes(arch.buffers.total_bytes),
            str(limit.multipliers) if limit.multipliers else "-",
            binary_bytes(limit.memory_bits // 8) if limit.memory_bits else "-",
            arch.description,
        ))  # fmt: skip
    return Table(
        "Presets",
        (
            Column("preset"), Column("PEs", right=True), Column("clock", right=True), Column("DRAM", right=True),
            Column("buffers", right=True), Column("multipliers", right=True, spare=1),
            Column("block RAM", right=True, spare=2), Column("", elastic=True),
        ),
        tuple(rows),
    )  # fmt: skip


def preset_records() -> dict[str, Any]:
    """Return the machines that ship with vitaccel as JSON types."""
    return {"schema_version": SCHEMA_VERSION, "presets": [arch_record(load_preset(name)) for name in preset_names()]}

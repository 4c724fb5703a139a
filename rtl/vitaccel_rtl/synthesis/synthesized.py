"""A design as the netlist of a device, with rows of products of LUTs where the device has too few multipliers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitaccel_rtl.synthesis import harness
from vitaccel_rtl.synthesis.breakdown import Cells, areas
from vitaccel_rtl.synthesis.builds import BUILD_FOLDER
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import Device
from vitaccel_rtl.synthesis.tools import Progress, in_silence
from vitaccel_rtl.synthesis.yosys import netlist_of
from vitaccel_rtl.verilog import Verilog


@dataclass(frozen=True, kw_only=True)
class Synthesized:
    """A netlist, and what it takes.

    Parameters
    ----------
    netlist
        Of :func:`vitaccel_rtl.synthesis.yosys.netlist_of`.
    cells
        Of its top module.
    inside
        The instance of the design in that; empty for a design without a harness.
    areas
        Of every block with all that is in it, by path; ``""`` is the whole design.
    logic_rows
        Rows of the array whose products are LUTs.
    """

    netlist: dict[str, Any]
    cells: Cells
    inside: str
    areas: dict[str, Area]
    logic_rows: int


def synthesized(
    verilog: Verilog,
    device: Device,
    logic_rows: int | None,
    *,
    has_harness: bool,
    folder: Path = BUILD_FOLDER,
    say: Progress = in_silence,
) -> Synthesized:
    """Synthesise a design, and once more if rows of products must be LUTs.

    Parameters
    ----------
    verilog, device, logic_rows, folder, say
        Of :func:`vitaccel_rtl.synthesis.implement.implement`.
    has_harness
        Whether a :mod:`~vitaccel_rtl.synthesis.harness` is around it.

    Raises
    ------
    SynthesisError, UnknownCellError
        As :func:`~vitaccel_rtl.synthesis.implement.implement` does.
    ValueError
        If there is to be a harness, and the design has no clock, no other input, or no output.
    """
    if has_harness:
        text, top, inside = verilog.text + harness.harness(verilog), harness.NAME, harness.INSTANCE
    else:
        text, top, inside = verilog.text, verilog.name, ""

    def with_rows(rows: int) -> Synthesized:
        made = netlist_of(text, top, device.family, is_named=True, logic_rows=rows, folder=folder, say=say)
        cells = made["modules"][top]["cells"]
        found = areas(cells, device.family, inside=inside)
        return Synthesized(netlist=made, cells=cells, inside=inside, areas=found, logic_rows=rows)

    made = with_rows(logic_rows or 0)
    needed = rows_needed(made.areas, device) if logic_rows is None else 0
    return with_rows(needed) if needed else made


def rows_needed(found: Mapping[str, Area], device: Device) -> int:
    """Return of how many rows of the array the products are LUTs, from the areas of the rows that there are."""
    rows = [row[1] for path in found if (row := re.search(r"(?:^|\.)row_(\d+)$", path))]
    # A row of P products for each of the arrays: as many as there are rows in all.
    return device.logic_rows(found[""].multipliers, of_row=len(rows), rows=len(set(rows)))


def rows_of(verilog: Verilog) -> int:
    """Return how many rows the array of a design has, 0 without one; several arrays have equally many."""
    return len(set(re.findall(r"^ +\S+ row_(\d+) \($", verilog.text, re.MULTILINE)))

"""Sites of the multipliers of an ECP5: those of a block side by side.

The multipliers of an LFE5U-85F stand in three rows. nextpnr's placers spread them before they are legal, each for
itself, and when most sites are taken the five of one lane end up all over the device, with the wires between them.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from typing import Any

from vitaccel_rtl.synthesis.registers import MULTIPLIER

COLUMNS = (4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114)
"""Where a group of sites begins, of an LFE5U-85F."""

IN_GROUP = (0, 1, 4, 5)
"""Columns of the sites of a group, behind where it begins: each site's name has the same number."""

ROWS = (10, 34, 58)

SITES = tuple(
    f"X{column + place}/Y{row}/MULT18_{place}"
    for number, row in enumerate(ROWS)
    for column, place in sorted(((c, p) for c in COLUMNS for p in IN_GROUP), reverse=bool(number % 2))
)
"""All 156, row by row, there and back: neighbours here are neighbours on the device."""

SITE = "BEL"
"""Attribute by which nextpnr is told where a cell is."""


def place_multipliers(cells: MutableMapping[str, Any]) -> int:
    """Give every multiplier its site, block by block and lane by lane; return how many there are.

    Parameters
    ----------
    cells
        Of a flat netlist of ECP5, called after the blocks that they are in.

    Raises
    ------
    ValueError
        If there are more than sites.
    """
    names = sorted((name for name, cell in cells.items() if cell["type"] == MULTIPLIER), key=_in_order)
    if len(names) > len(SITES):
        raise ValueError(f"multipliers must be {len(SITES)} at most, not {len(names)}")
    for name, site in zip(names, SITES, strict=False):
        cells[name].setdefault("attributes", {})[SITE] = site
    return len(names)


def _in_order(name: str) -> list[list[tuple[int, str]]]:
    """Key of a name by which lane 10 comes behind lane 9, and a block before those that begin like it."""
    return [
        [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|\D+", step)]
        for step in name.split(".")
    ]

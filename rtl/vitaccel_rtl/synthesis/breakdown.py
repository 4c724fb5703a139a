"""Whose the cells of a flat netlist are: areas by block, where the hierarchy has been dissolved.

A register, a memory or a multiplier says from which line it was made, so its module is known, and its name says which
instance of that. LUTs say nothing of the kind: their names are made of that of the signal or the cell that they drive,
and they are in the block of that. Where the logic of two blocks shares a LUT, one of them has it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vitaccel_rtl.synthesis.cells import Area, area_of

SCOPE = "$scopeinfo"
"""Type of the mark that Yosys leaves where an instance was."""

_LINE = re.compile(r"component\.sv:(\d+)\.")
_LINES = re.compile(r"component\.sv:(\d+)\.\d+-(\d+)\.")

Cells = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Hierarchy:
    """The instances that a flat netlist was made of.

    Parameters
    ----------
    cells
        Of the netlist, as Yosys writes it.
    """

    cells: Cells

    @cached_property
    def modules(self) -> dict[str, str]:
        """Lines of the module of every instance, by its path: ``compute.array.row_0``."""
        return {
            name: cell["attributes"].get("module_src", "") for name, cell in self.cells.items() if cell["type"] == SCOPE
        }

    def block_of(self, name: str) -> str:
        """Return the path of the instance that a cell is in; ``""`` for the design itself.

        Parameters
        ----------
        name
            Of a cell, or one that Yosys or nextpnr made of it.
        """
        around, module = self._around(name), self._made_in(name)
        if module == "":
            return ""
        if module is None or module == self.modules.get(around):
            return around
        below = [path for path in self._instances.get(module, ()) if path.startswith(f"{around}." if around else "")]
        return _common(below) if below else around

    @cached_property
    def _lines(self) -> dict[int, str]:
        """The module that a line of the source is in, by its lines."""
        found: dict[int, str] = {}
        for module in set(self.modules.values()):
            if lines := _LINES.match(module):
                found |= dict.fromkeys(range(int(lines[1]), int(lines[2]) + 1), module)
        return found

    @cached_property
    def _instances(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path, module in self.modules.items():
            found.setdefault(module, []).append(path)
        return found

    def _around(self, name: str) -> str:
        """Return the longest path that a name begins with."""
        parts = name.split(".")
        paths = (".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1))
        return next((path for path in paths if path in self.modules), "")

    def _made_in(self, name: str) -> str | None:
        """Return the lines of the module that a cell was made in, or the cell that it is called after.

        ``""`` is the design itself, which no instance is of; ``None`` is not known.
        """
        while name:
            cell = self.cells.get(name)
            if cell is not None and (line := _LINE.match(cell.get("attributes", {}).get("src", ""))):
                return self._lines.get(int(line[1]), "")
            name = name.rpartition("_")[0]
        return None


def areas(cells: Cells, target: str, *, inside: str = "") -> dict[str, Area]:
    """Return the area of every block with all that is in it, by path; ``""`` is the whole design.

    Parameters
    ----------
    cells
        Of a module that :func:`vitaccel_rtl.synthesis.yosys.netlist_of` returned, with names.
    target
        A key of :data:`vitaccel_rtl.synthesis.cells.CELLS`.
    inside
        The instance that is the design, where there is something around it.

    Raises
    ------
    UnknownCellError
        If a cell is of no known type.
    """
    hierarchy = Hierarchy(cells)
    own: dict[str, Counter[str]] = {path: Counter() for path in ("", *sorted(hierarchy.modules))}
    for name, cell in cells.items():
        own[hierarchy.block_of(name)][cell["type"]] += 1
    found = {path: Area() for path in own}
    for path, kinds in own.items():
        area = area_of(kinds, target)
        for holder in _holders(path):
            if holder in found:
                found[holder] += area
    if not inside:
        return found
    return {
        path.removeprefix(inside).removeprefix("."): area
        for path, area in found.items()
        if path == inside or path.startswith(f"{inside}.")
    }


def _holders(path: str) -> tuple[str, ...]:
    """Return the paths from the whole design to a block: ``""``, ``compute``, ``compute.array``."""
    parts = path.split(".") if path else []
    return tuple(".".join(parts[:length]) for length in range(len(parts) + 1))


def _common(paths: list[str]) -> str:
    """Return the one path, or the block that all of them are in."""
    if len(paths) == 1:
        return paths[0]
    shared = [parts[0] for parts in zip(*(path.split(".") for path in paths), strict=False) if len(set(parts)) == 1]
    return ".".join(shared)

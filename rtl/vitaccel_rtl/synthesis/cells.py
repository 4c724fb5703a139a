"""Cells of a synthesised netlist as area: every cell type is known to be something, or counting fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

NOTHING: dict[str, int] = {}
"""Of cells that take no place of their own: multiplexers behind LUTs, marks of what was a module."""

_XILINX: dict[str, dict[str, int]] = {
    **{f"LUT{inputs}": {"luts": 1} for inputs in range(1, 7)},
    "INV": {"luts": 1},
    "CARRY4": {"carries": 4},
    **{f"MUXF{inputs}": NOTHING for inputs in (7, 8)},
    **{kind: {"flip_flops": 1} for kind in ("FDRE", "FDSE", "FDCE", "FDPE")},
    **{kind: {"ram_luts": 1} for kind in ("SRL16E", "SRLC32E", "RAM32X1S", "RAM64X1S")},
    **{kind: {"ram_luts": 2} for kind in ("RAM32X1D", "RAM64X1D", "RAM128X1S")},
    **{kind: {"ram_luts": 4} for kind in ("RAM32M", "RAM64M", "RAM128X1D", "RAM256X1S")},
    "$scopeinfo": NOTHING,
}
"""What 7 series and UltraScale+ share."""

CELLS: dict[str, dict[str, dict[str, int]]] = {
    "ecp5": {
        "LUT4": {"luts": 1},
        "CCU2C": {"luts": 2, "carries": 2},
        "PFUMX": NOTHING,
        "L6MUX21": NOTHING,
        "TRELLIS_FF": {"flip_flops": 1},
        "TRELLIS_DPR16X4": {"ram_luts": 4},
        "MULT18X18D": {"multipliers": 1},
        "DP16KD": {"block_rams": 1},
        "PDPW16KD": {"block_rams": 1},
        "EHXPLLL": NOTHING,  # a PLL has a place of its own
        "$scopeinfo": NOTHING,
    },
    "xcup": {
        **_XILINX,
        "CARRY8": {"carries": 8},
        "MUXF9": NOTHING,
        **{kind: {"ram_luts": 8} for kind in ("RAM32M16", "RAM64M8", "RAM256X1D", "RAM512X1S")},
        "DSP48E2": {"multipliers": 1},
        "RAMB18E2": {"block_rams": 1},
        "RAMB36E2": {"block_rams": 2},
    },
    "xc7": {
        **_XILINX,
        "DSP48E1": {"multipliers": 1},
        "RAMB18E1": {"block_rams": 1},
        "RAMB36E1": {"block_rams": 2},
    },
}
"""Resources of a cell, by target and type."""


class UnknownCellError(Exception):
    """A netlist has a cell of a type that nobody has said the cost of."""


@dataclass(frozen=True, kw_only=True)
class Area:
    """What a netlist takes of an FPGA; areas add.

    Parameters
    ----------
    luts
        LUTs of logic: LUT4 of ECP5, where each bit of a carry chain takes one too, or LUT1 to LUT6 of the others.
    carries
        Bits of carry chains.
    flip_flops
        Registers of one bit.
    multipliers
        MULT18X18D of ECP5, DSP48E2 of UltraScale+, DSP48E1 of 7 series.
    block_rams
        Of 18 kbit: DP16KD of ECP5, RAMB18 of the others (a RAMB36 is two).
    ram_luts
        LUTs that are memories or shift registers, not among *luts*.
    """

    luts: int = 0
    carries: int = 0
    flip_flops: int = 0
    multipliers: int = 0
    block_rams: int = 0
    ram_luts: int = 0

    def __add__(self, other: Area) -> Area:
        return Area(**{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(Area)})


def area_of(cells: Mapping[str, int], target: str) -> Area:
    """Return the area of so many cells of each type.

    Parameters
    ----------
    cells
        Number of cells by type, as Yosys' ``stat`` counts them.
    target
        A key of :data:`CELLS`.

    Raises
    ------
    UnknownCellError
        If the type of a cell is not in :data:`CELLS`.
    """
    known = CELLS[target]
    unknown = sorted(set(cells) - set(known))
    if unknown:
        raise UnknownCellError(f"cells of {target} must be of a known type, not {', '.join(unknown)}")
    total: dict[str, int] = {}
    for kind, count in cells.items():
        for resource, each in known[kind].items():
            total[resource] = total.get(resource, 0) + each * count
    return Area(**total)

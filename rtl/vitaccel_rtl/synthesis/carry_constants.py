"""Zeros at the inputs of carry cells go into their tables, so that nothing has to be wired there.

nextpnr folds constants into the tables of LUTs, but not into those of CCU2C, the carry cell of ECP5: it wires them to
one source for the whole device. Of an accelerator of P = 8 that are 5,800 connections of 318,000, the longest of all.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

CARRY = "CCU2C"
INPUTS = ("A", "B", "C", "D")
TABLE_BITS = 16


def fold_zeros(cells: MutableMapping[str, Any]) -> int:
    """Make the tables of carry cells say the same without their inputs that are 0; return how many inputs that were.

    The inputs are left open. What a table says of an open input is what it said of 0, so that its value is the same
    whatever arrives there. That holds for the sum, which takes all 16 bits of a table, and for the carry, which takes
    the first 4, by inputs A and B.

    Parameters
    ----------
    cells
        Of a flat netlist of ECP5, as Yosys writes it.
    """
    folded = 0
    for cell in cells.values():
        if cell["type"] != CARRY:
            continue
        for half in "01":
            name = f"INIT{half}"
            table = cell["parameters"][name]
            for place, letter in enumerate(INPUTS):
                if cell["connections"].get(f"{letter}{half}") == ["0"]:
                    table = without(table, place)
                    del cell["connections"][f"{letter}{half}"]
                    folded += 1
            cell["parameters"][name] = table
    return folded


def without(table: str, place: int) -> str:
    """Return a table that says for both values of an input what it said for 0; bits of both the last one first."""
    bits = table[::-1]
    return "".join(bits[at & ~(1 << place)] for at in range(TABLE_BITS))[::-1]

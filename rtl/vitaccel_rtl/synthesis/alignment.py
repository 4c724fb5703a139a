"""Narrow operands of an ECP5 netlist's multipliers move to the upper end of their 18 bits: fewer wires reach them.

Yosys puts an operand of fewer bits at the lower end and repeats its sign above, and each repetition is a pin that has
to be routed: 36 to a multiplier of 8 x 8 bits. At the upper end, with zeros below, which need no wires, its own bits
are all that is routed, and the product stands as much further up. Where nearly all multipliers of a device are taken,
that decides whether they can be routed at all.
"""

from __future__ import annotations

from typing import Any

MULTIPLIER = "MULT18X18D"
OPERANDS = ("A", "B")
OPERAND_BITS = 18
PRODUCT_BITS = 36


def align_operands(module: dict[str, Any]) -> int:
    """Change a module of a netlist that Yosys wrote as JSON; return how many pins need no wire any more.

    Parameters
    ----------
    module
        Flat, of cells of ECP5.
    """
    saved, renamed = 0, {}
    for cell in module["cells"].values():
        if cell["type"] == MULTIPLIER and not _is_chained(cell):
            moved = {operand: _repeated(cell, operand) for operand in OPERANDS}
            for operand, places in moved.items():
                _raise_operand(cell, operand, places)
            renamed |= _raise_product(cell, sum(moved.values()))
            saved += sum(moved.values())
    if renamed:
        _rename(module, renamed)
    return saved


def _is_chained(cell: dict[str, Any]) -> bool:
    """Whether an operand comes from another multiplier, or goes to one, on wires of their own."""
    pins = cell["connections"]
    chains = (f"{kind}{operand}{place}" for kind in ("RO", "SRI") for operand in "AB" for place in range(OPERAND_BITS))
    return any(isinstance(bit, int) for pin in chains for bit in pins.get(pin, []))


def _repeated(cell: dict[str, Any], operand: str) -> int:
    """Return how often the uppermost bit of a signed operand stands below itself."""
    pins = cell["connections"]
    bits = [pins.get(f"{operand}{place}", ["x"])[0] for place in range(OPERAND_BITS)]
    if pins.get(f"SIGNED{operand}") != ["1"] or not isinstance(bits[-1], int):
        return 0
    return next((places for places, bit in enumerate(reversed(bits[:-1])) if bit != bits[-1]), OPERAND_BITS - 1)


def _raise_operand(cell: dict[str, Any], operand: str, places: int) -> None:
    pins = cell["connections"]
    bits = [pins.get(f"{operand}{place}", ["0"]) for place in range(OPERAND_BITS - places)]
    for place, bit in enumerate([["0"]] * places + bits):
        pins[f"{operand}{place}"] = bit
        cell["port_directions"][f"{operand}{place}"] = "input"


def _raise_product(cell: dict[str, Any], places: int) -> dict[int, int]:
    """Move the product up; return which bits above it, that repeated its sign, are now called what."""
    pins = cell["connections"]
    before = [pins.pop(f"P{place}", []) for place in range(PRODUCT_BITS)]
    kept = PRODUCT_BITS - places
    for place, bits in enumerate(before[:kept], start=places):
        if bits:
            pins[f"P{place}"] = bits
    above = [bit for bits in before[kept:] for bit in bits if isinstance(bit, int)]
    if not above:
        return {}
    sign = pins.setdefault(f"P{PRODUCT_BITS - 1}", [above[0]])
    cell["port_directions"][f"P{PRODUCT_BITS - 1}"] = "output"
    return dict.fromkeys(above, sign[0])


def _rename(module: dict[str, Any], renamed: dict[int, int]) -> None:
    """Let what read a bit read what it is called now."""
    for cell in module["cells"].values():
        for port, bits in cell["connections"].items():
            cell["connections"][port] = [renamed.get(bit, bit) for bit in bits]
    for port in module["ports"].values():
        port["bits"] = [renamed.get(bit, bit) for bit in port["bits"]]

"""Products that an accelerator makes at once, by block: each takes a multiplier, of ECP5 or UltraScale+. Pure Python.

None has more than 18 bits a side, beside those of two PEs that share one of 27: wider factors are cut in two.
"""

from __future__ import annotations

from vitaccel_rtl.accelerator.memories import MachineShape

REQUANTIZED = 2
"""Of a number that is requantized: a wide sum times a multiplier."""

RECIPROCAL = 2
"""Of a Newton step."""

RESULT = REQUANTIZED + RECIPROCAL + 1
"""Of a lane of results: requantization, and of its row of softmax a reciprocal, times the output's multiplier."""

LANE = 2 + REQUANTIZED + 1 + 5
"""Of a lane of the vector engine: ``a x + b y`` and its requantization; a square; a normalized number, which takes one
product and two of wide factors."""

ROW_SCALE = 6 + 5
"""Of the scale of a LayerNorm's rows: variance, and reciprocal root."""

ROUTED = RECIPROCAL + 2 + 2 + 2
"""Of routing, beside a power of 2 in each lane: a reciprocal, the score's probability, what is added, and its place."""

DIVIDED = 2
"""Of routing: divisions by P that is no power of two, of a row and of the length of a queue."""

TRANSFER = 2
"""Of a DMA engine: rows times their bytes, a wide factor."""


def products(shape: MachineShape, macs_per_multiplier: int) -> dict[str, int]:
    """Return the multipliers of every block that has any: the names of blocks are those of the cost model's areas.

    Parameters
    ----------
    shape
        Of the machine.
    macs_per_multiplier
        PEs that share a multiplier: two rows of an array, of which an odd last one keeps its own.
    """
    side, arrays = shape.side, shape.arrays
    found = {
        "array": arrays * side * -(-side // macs_per_multiplier),
        "cores": arrays * side * RESULT,
        "kept": arrays * (side + RECIPROCAL),
        "moments": arrays * side,
        "lanes": side * LANE + ROW_SCALE,
        "experts": side + ROUTED + (DIVIDED if side & (side - 1) else 0),
        "load": TRANSFER,
        "store": TRANSFER,
    }
    absent = set() if shape.kept_rows else {"kept"}
    absent |= set() if shape.moment_blocks else {"moments"}
    absent |= set() if shape.has_experts else {"experts"}
    return {block: count for block, count in found.items() if block not in absent}

"""What a memory of one writer and one reader becomes: block RAMs, LUTs that are memory, or registers. Pure Python.

Yosys' pass ``memory_libmap`` takes the cheapest of all ways, and so does this: a way costs what its cells cost, half a
unit for each bit that must choose between cells, and half a unit for each enable that must be told apart. A memory that
nothing writes is a table, for which only block RAMs and logic are offered.
"""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel_rtl.synthesis.cells import Area

CHOICE_COST = 0.5
"""Of a bit that comes from one of several cells, for each of them but one; and of an enable, for each of them."""

TABLE_BIT_COST = {"ecp5": 1 / 16, "xcup": 1 / 64, "xc7": 1 / 64}
"""Of a bit of a table made of logic: a LUT of four inputs holds 16 of them, one of six 64. A register costs 1."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """A memory.

    Parameters
    ----------
    width, depth
        Bits of a word, and words.
    is_table
        Whether nothing writes it.
    count
        How many alike there are.
    """

    width: int
    depth: int
    is_table: bool = False
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A way to make a memory.

    Parameters
    ----------
    shapes
        Words, and bits of each, that one cell may have.
    cost
        Of a cell; with *by_width* of all of its bits, so that one that is used in part costs less.
    area
        Of a cell.
    grain
        Bits that are written together, of which a word takes a multiple; all bits of a cell where it is 0.
    by_width
        See *cost*.
    """

    shapes: tuple[tuple[int, int], ...]
    cost: float
    area: Area
    grain: int = 0
    by_width: bool = False


def _block(depth: int, most_bits: int, cost: float, block_rams: int) -> Cell:
    """Return a block RAM of *depth* words of 1 bit, or half as many of 2, and so on; from 9 bits on with parity."""
    widths = [width for width in (1, 2, 4, 9, 18, 36, 72) if width <= most_bits]
    shapes = tuple((depth >> place, width) for place, width in enumerate(widths))
    return Cell(shapes=shapes, cost=cost, area=Area(block_rams=block_rams), grain=9)


_SERIES = (
    _block(1 << 14, 36, 129, 1),
    _block(1 << 15, 72, 257, 2),
    _block(1 << 16, 9, 513, 4),  # two of 36 kbit in a cascade
)

CELLS = {
    "ecp5": (
        Cell(shapes=((16, 4),), cost=4, area=Area(ram_luts=4)),
        _block(1 << 14, 36, 128, 1),
    ),
    "xcup": (
        Cell(shapes=((32, 14),), cost=16, area=Area(ram_luts=8), by_width=True),
        Cell(shapes=((64, 7),), cost=16, area=Area(ram_luts=8), by_width=True),
        *_SERIES,
    ),
    "xc7": (
        Cell(shapes=((32, 6),), cost=8, area=Area(ram_luts=4), by_width=True),
        Cell(shapes=((64, 3),), cost=8, area=Area(ram_luts=4), by_width=True),
        *_SERIES,
    ),
}
"""By target; of two that cost the same, the first is taken."""


def area_of_memory(memory: Memory, target: str) -> Area:
    """Return what a memory takes of a target, *count* of them if it is several.

    LUTs that choose between cells are not counted, nor those of a table: they are logic, like what is around them.

    Parameters
    ----------
    memory
        Of one write port, or none, and one read port.
    target
        A key of :data:`CELLS`.
    """
    bits = memory.width * memory.depth
    if memory.is_table:
        best, area = bits * TABLE_BIT_COST[target], Area()
    else:
        best, area = float(bits), Area(flip_flops=bits)
    for cell in CELLS[target]:
        if memory.is_table and not cell.area.block_rams:
            continue
        for depth, width in cell.shapes:
            cost, cells = _cost(memory, cell, depth, width)
            if cost < best:
                best, area = cost, _times(cell.area, cells)
    return _times(area, memory.count)


def _cost(memory: Memory, cell: Cell, depth: int, width: int) -> tuple[float, int]:
    """Return what a memory costs of cells of one shape, and how many it takes."""
    ranks = -(-memory.depth // depth)
    grain = 1 if memory.is_table else min(cell.grain or width, width)
    cells = -(-ranks * (-(-memory.width // grain) * grain) // width)
    cost = cell.cost * (ranks * memory.width / width if cell.by_width else cells)
    cost += CHOICE_COST * (ranks - 1) * memory.width
    if ranks > 1 and not memory.is_table:
        cost += CHOICE_COST * ranks
    return cost, cells


def _times(area: Area, count: int) -> Area:
    return Area(flip_flops=area.flip_flops * count, block_rams=area.block_rams * count, ram_luts=area.ram_luts * count)

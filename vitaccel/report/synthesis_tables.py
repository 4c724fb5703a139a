"""What a design takes of a device, as tables: its blocks, its place-and-routes, the slowest path."""

from __future__ import annotations

from vitaccel.report.table import Column, Table
from vitaccel.report.units import percent
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.implement import Implementation

COLUMNS = (
    Column("block"),
    Column("LUT", right=True),
    Column("of the device", right=True),
    Column("FF", right=True),
    Column("mult.", right=True),
    Column("BRAM", right=True),
    Column("memory LUT", right=True),
)

TOP = "(whole design)"
DEPTH = 2
"""Levels of the hierarchy that are shown unless another number is asked for."""


def synthesis_tables(made: Implementation, *, depth: int = DEPTH) -> tuple[Table, ...]:
    """Return the tables of a synthesis: blocks first, the summary last.

    Parameters
    ----------
    made
        The synthesis.
    depth
        Levels of the hierarchy to show.
    """
    placed = (timing_table(made), path_table(made)) if made.timings else ()
    return (area_table(made, depth=depth), *((failed_table(made),) if made.failed_seeds else ()), *placed)


def area_table(made: Implementation, *, depth: int = DEPTH) -> Table:
    """Every block to a depth, the largest first within the block that it is in, and shares of the device."""
    total, shares = made.device.total, made.device.shares(made.total)
    rows = [(f"{'  ' * path.count('.')}{path}", *_cells(made, made.areas[path])) for path in ordered(made, depth=depth)]
    share = (percent(shares[name], 1) for name in ("flip_flops", "multipliers", "block_rams", "ram_luts"))
    footer = (
        (TOP, *_cells(made, made.total)),
        (made.device.title, f"{total.luts:,}", "", f"{total.flip_flops:,}", f"{total.multipliers:,}",
         f"{total.block_rams:,}", f"{total.ram_luts:,}"),
        ("share", percent(shares["luts"], 1), "", *share),
    )  # fmt: skip
    return Table(
        f"{made.name} on {made.device.title}; LUT: all, those that are memory too; BRAM: of 18 kbit",
        COLUMNS,
        tuple(rows),
        footer,
    )


def ordered(made: Implementation, *, depth: int) -> list[str]:
    """Return the paths of blocks to a depth, each before what is in it, the largest first among those side by side."""
    paths = [path for path in made.areas if path and path.count(".") < depth]

    def place(path: str) -> tuple[tuple[int, str], ...]:
        parts = path.split(".")
        above = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
        return tuple((-luts(made.areas[each]) if each in made.areas else 0, each) for each in above)

    return sorted(paths, key=place)


def luts(area: Area) -> int:
    """Return all LUTs of an area, those that are memory too."""
    return int(area.luts + area.ram_luts)


def timing_table(made: Implementation) -> Table:
    """Return what each seed of the placer gave."""
    columns = (
        Column("seed", right=True),
        Column("MHz", right=True),
        Column("cells ns", right=True),
        Column("wires ns", right=True),
        Column("from"),
        Column("to", elastic=True),
    )
    rows = tuple(
        (
            str(timing.seed),
            f"{timing.frequency_mhz:.1f}",
            f"{timing.logic_ns:.1f}",
            f"{timing.routing_ns:.1f}",
            timing.start,
            timing.end,
        )
        for timing in made.timings
    )
    return Table("Place and route: the slowest path of each seed", columns, rows)


def failed_table(made: Implementation) -> Table:
    """Return what was wrong with the seeds that gave no place-and-route."""
    rows = tuple((str(failed.seed), failed.sentence) for failed in made.failed_seeds)
    return Table("Seeds that failed", (Column("seed", right=True), Column("error", elastic=True)), rows)


def path_table(made: Implementation) -> Table:
    """Return the blocks that the slowest path of the best seed goes through."""
    rows = tuple((str(place), block or TOP) for place, block in enumerate(made.path, start=1))
    return Table("Blocks on the slowest path of the best seed", (Column("", right=True), Column("block")), rows)


def _cells(made: Implementation, area: Area) -> tuple[str, ...]:
    return (
        f"{luts(area):,}",
        percent(luts(area) / made.device.total.luts, 1),
        f"{area.flip_flops:,}",
        f"{area.multipliers:,}",
        f"{area.block_rams:,}",
        f"{area.ram_luts:,}",
    )

"""Devices that a design is synthesised for, and what each has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from vitaccel_rtl.synthesis.cells import Area


@dataclass(frozen=True, kw_only=True)
class Device:
    """An FPGA.

    Parameters
    ----------
    name
        As ``--target`` has it.
    title
        What it is called in its data sheet.
    family
        Of :data:`vitaccel_rtl.synthesis.yosys.SYNTHESIS`.
    total
        What it has; ``ram_luts`` are those LUTs that may be memories, and are among ``luts``. No carries: they come
        with the LUTs.
    nextpnr
        Arguments of nextpnr-ecp5 that name it, without the speed grade; empty where nothing places and routes it.
    """

    name: str
    title: str
    family: str
    total: Area
    nextpnr: tuple[str, ...] = ()

    @property
    def is_routed(self) -> bool:
        """Whether an open tool places and routes it."""
        return bool(self.nextpnr)

    def shares(self, area: Area) -> Mapping[str, float]:
        """Return what an area takes of each resource that the device has, by the names of its fields.

        LUTs that are memories count among the LUTs too.
        """
        used = {field.name: getattr(area, field.name) for field in fields(Area)}
        used["luts"] += area.ram_luts
        totals = {field.name: getattr(self.total, field.name) for field in fields(Area)}
        return {name: used[name] / total for name, total in totals.items() if total}

    def logic_rows(self, multipliers: int, *, of_row: int, rows: int) -> int:
        """Return of how many rows of the array the products are LUTs: 0 if that is not needed, or would not do.

        Where multipliers are too few, so many rows that the design takes :data:`FULL` of them at most, or all rows:
        multipliers stand in three rows of the device, and what feeds and reads nearly all of them leaves the router no
        wires there.

        Parameters
        ----------
        multipliers
            That the design takes without such rows.
        of_row
            Multipliers that a row takes, in all arrays.
        rows
            Of the array.
        """
        over = multipliers - self.total.multipliers
        if self.family != "ecp5" or not 0 < over <= of_row * rows:
            return 0
        wanted = multipliers - int(FULL * self.total.multipliers)
        return min(rows, -(-wanted // of_row))

    def missing(self, area: Area) -> tuple[str, ...]:
        """Return what an area takes more of than there is, a phrase each: ``90,000 of 83,640 LUTs``."""
        shares = self.shares(area)
        used = {name: getattr(area, name) + (area.ram_luts if name == "luts" else 0) for name in shares}
        return tuple(
            f"{used[name]:,} of {getattr(self.total, name):,} {RESOURCES[name]}"
            for name, share in shares.items()
            if share > 1
        )


FULL = 0.9
"""Share of an ECP5's multipliers that an accelerator with rows of products of LUTs takes at most, if it can."""

RESOURCES = {
    "luts": "LUTs",
    "flip_flops": "flip-flops",
    "multipliers": "multipliers",
    "block_rams": "block RAMs of 18 kbit",
    "ram_luts": "LUTs that can be memory",
}
"""What people call the resources of an :class:`Area`."""

DEVICES = {
    device.name: device
    for device in (
        # Lattice FPGA-DS-02012, table 1.1: 84k LUTs (10,455 blocks of 8 as the fabric has them), of which those of
        # every second slice can be memory (669 kbit); 208 blocks of 18 kbit; 156 multipliers.
        Device(
            name="ecp5-85k",
            title="Lattice LFE5U-85F",
            family="ecp5",
            total=Area(luts=83640, flip_flops=83640, multipliers=156, block_rams=208, ram_luts=41820),
            nextpnr=("--85k",),
        ),
        # AMD DS891: XCZU9EG of the ZCU102.
        Device(
            name="xcup",
            title="AMD XCZU9EG (ZCU102)",
            family="xcup",
            total=Area(luts=274080, flip_flops=548160, multipliers=2520, block_rams=1824, ram_luts=144000),
        ),
        # AMD DS180: XC7A200T, the largest of Artix-7.
        Device(
            name="xc7",
            title="AMD XC7A200T",
            family="xc7",
            total=Area(luts=134600, flip_flops=269200, multipliers=740, block_rams=730, ram_luts=46200),
        ),
    )
}
"""By the names that ``--target`` takes."""

from __future__ import annotations

import pytest

from vitaccel_rtl.synthesis.cells import CELLS, Area
from vitaccel_rtl.synthesis.devices import DEVICES
from vitaccel_rtl.synthesis.yosys import SYNTHESIS


@pytest.mark.parametrize("name", DEVICES)
def test_every_device_can_be_synthesised_and_counted(name: str) -> None:
    device = DEVICES[name]
    assert device.name == name
    assert device.family in SYNTHESIS
    assert device.family in CELLS
    assert 0 < device.total.ram_luts <= device.total.luts
    assert device.missing(device.total) == (
        f"{device.total.luts + device.total.ram_luts:,} of {device.total.luts:,} LUTs",
    )


def test_shares_count_memories_among_the_luts() -> None:
    device = DEVICES["ecp5-85k"]
    shares = device.shares(Area(luts=41820, ram_luts=4182, multipliers=78, carries=7))
    assert shares == {"luts": 0.55, "flip_flops": 0, "multipliers": 0.5, "block_rams": 0, "ram_luts": 0.1}


def test_what_does_not_fit_is_said() -> None:
    device = DEVICES["ecp5-85k"]
    assert device.missing(Area(luts=83640, multipliers=156)) == ()
    assert device.missing(Area(luts=83640, ram_luts=4, multipliers=256, block_rams=209)) == (
        "83,644 of 83,640 LUTs", "256 of 156 multipliers", "209 of 208 block RAMs of 18 kbit",
    )  # fmt: skip

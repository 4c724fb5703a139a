"""Blocks that are synthesised one by one: together they are the whole design."""

from __future__ import annotations

from pathlib import Path

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tests.rtl.synthesis.small import ProductAndSum
from vitaccel_rtl.synthesis.devices import DEVICES
from vitaccel_rtl.synthesis.implement import area_by_blocks, implement
from vitaccel_rtl.synthesis.out_of_context import blocks_of, out_of_context
from vitaccel_rtl.verilog import Verilog, to_verilog

ARRAYS = ("compute.core0.array", "compute.core1.array")
CORES = ("compute.core0", "compute.core1")


class Core(wiring.Component):
    """Each is another one, but their arrays are equal; of three products one is read, and not always 0."""

    def __init__(self, *, place: int) -> None:
        self._place = place
        super().__init__({"a": In(9), "b": In(9), "zero": In(9), "o": Out(18), "unread": Out(18)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.array = array = ProductAndSum(width=9)
        m.submodules.spare = spare = ProductAndSum(width=9)
        m.submodules.nothing = nothing = ProductAndSum(width=9)
        m.d.comb += [array.a.eq(self.a), array.b.eq(self.b), spare.a.eq(self.b), spare.b.eq(self.b)]
        m.d.comb += [nothing.a.eq(self.a), nothing.b.eq(self.zero)]
        m.d.comb += [self.o.eq(array.o + nothing.o + self._place), self.unread.eq(spare.o)]
        return m


class Compute(wiring.Component):
    """Two cores, as an accelerator of two arrays has them."""

    def __init__(self) -> None:
        super().__init__({"a": In(9), "b": In(9), "zero": In(9), "o": Out(18)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core0 = first = Core(place=0)
        m.submodules.core1 = second = Core(place=5)
        for core, other in ((first, 0), (second, 0x155)):
            m.d.comb += [core.a.eq(self.a ^ other), core.b.eq(self.b), core.zero.eq(self.zero)]
        m.d.comb += self.o.eq(first.o ^ second.o)
        return m


class Small(wiring.Component):
    """What says to the engine that a factor is 0."""

    def __init__(self) -> None:
        super().__init__({"a": In(9), "b": In(9), "o": Out(18)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.compute = compute = Compute()
        m.d.comb += [compute.a.eq(self.a), compute.b.eq(self.b), compute.zero.eq(0), self.o.eq(compute.o)]
        return m


@pytest.fixture(scope="module")
def design() -> Verilog:
    return to_verilog(Small(), name="blocks")


def test_the_large_blocks_are_found_equal_ones_too(design: Verilog) -> None:
    assert set(blocks_of(design)) == {"compute", *CORES, *ARRAYS}


def test_blocks_together_are_the_whole(design: Verilog, tmp_path: Path) -> None:
    by_blocks = area_by_blocks(design, DEVICES["xcup"], folder=tmp_path)
    whole = implement(design, DEVICES["xcup"], folder=tmp_path)
    assert by_blocks.timings == ()
    # What is always 0, and what nobody reads, is gone: on both sides of a border.
    assert {path: area.multipliers for path, area in by_blocks.areas.items()} == {
        "": 2, "compute": 2, **dict.fromkeys([*CORES, *ARRAYS], 1),
    }  # fmt: skip
    assert by_blocks.total.multipliers == whole.total.multipliers
    # As a whole, registers of both arrays that hold the same bit are one: b, and the 4 bits of a that are not turned.
    assert by_blocks.total.flip_flops == whole.total.flip_flops + 9 + 4


@pytest.mark.parametrize(
    ("target", "blocks", "said"),
    [
        ("ecp5", ["compute"], r"^the target of blocks by themselves must be one of xcup, xc7, not 'ecp5'$"),
        ("xcup", ["stored"], r"^blocks of blocks must be in it, and stored are not$"),
    ],
)
def test_what_cannot_be_is_refused(target: str, blocks: list[str], said: str, design: Verilog, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        out_of_context(design, target, blocks, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_some_of_equal_blocks_are_refused(design: Verilog, tmp_path: Path) -> None:
    said = r"^blocks that are equal must all be named, and compute\.core1\.array are not$"
    with pytest.raises(ValueError, match=said):
        out_of_context(design, "xcup", ["compute.core0.array"], folder=tmp_path)
    assert list(tmp_path.iterdir()) == []

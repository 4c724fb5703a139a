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


class Vector(wiring.Component):
    """A block with another in it; of the product of that, one factor is a parameter of the whole."""

    def __init__(self) -> None:
        super().__init__({"a": In(9), "b": In(9), "o": Out(18)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.experts = inner = ProductAndSum(width=9)
        m.submodules.other = other = ProductAndSum(width=9, has_product=False)
        m.d.comb += [inner.a.eq(self.a), inner.b.eq(self.b), other.a.eq(self.a), other.b.eq(self.a)]
        m.d.comb += self.o.eq(inner.o ^ other.o)
        return m


class Core(wiring.Component):
    """Each is another one, but their arrays are equal."""

    def __init__(self, *, place: int) -> None:
        self._place = place
        super().__init__({"a": In(9), "b": In(9), "o": Out(18), "unread": Out(18)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.array = array = ProductAndSum(width=9)
        m.submodules.spare = spare = ProductAndSum(width=9)
        m.d.comb += [spare.a.eq(self.b), spare.b.eq(self.b), self.unread.eq(spare.o)]
        m.d.comb += [array.a.eq(self.a), array.b.eq(self.b), self.o.eq(array.o + self._place)]
        return m


class Cores(wiring.Component):
    """Two of them, as an accelerator of two arrays has."""

    def __init__(self) -> None:
        super().__init__({"a": In(9), "b": In(9), "o": Out(18)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core0 = first = Core(place=0)
        m.submodules.core1 = second = Core(place=5)
        for core in (first, second):
            m.d.comb += [core.a.eq(self.a), core.b.eq(self.b)]
        m.d.comb += self.o.eq(first.o ^ second.o)
        return m


class TwoCores(wiring.Component):
    def __init__(self) -> None:
        super().__init__({"a": In(9), "b": In(9), "o": Out(18)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.compute = compute = Cores()
        m.d.comb += [compute.a.eq(self.a), compute.b.eq(self.b), self.o.eq(compute.o)]
        return m


class Small(wiring.Component):
    """As an accelerator has its blocks."""

    def __init__(self, *, factor: int | None = None) -> None:
        self._factor = factor
        super().__init__({"a": In(9), "b": In(9), "o": Out(18)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.vector = vector = Vector()
        m.submodules.load = load = ProductAndSum(width=9, has_product=False)
        m.d.comb += [load.a.eq(self.a), load.b.eq(self.b), vector.a.eq(load.o)]
        m.d.comb += vector.b.eq(self.b if self._factor is None else self._factor)
        m.d.comb += self.o.eq(vector.o)
        return m


@pytest.fixture(scope="module")
def design() -> Verilog:
    return to_verilog(Small(), name="blocks")


def test_the_large_blocks_are_found_by_their_names(design: Verilog) -> None:
    assert sorted(blocks_of(design)) == ["load", "vector", "vector.experts"]


def test_blocks_together_are_the_whole(design: Verilog, tmp_path: Path) -> None:
    by_blocks = area_by_blocks(design, DEVICES["xcup"], folder=tmp_path)
    whole = implement(design, DEVICES["xcup"], folder=tmp_path)
    assert set(by_blocks.areas) == {"", "load", "vector", "vector.experts"}
    assert by_blocks.timings == ()
    for path, area in by_blocks.areas.items():
        assert area.multipliers == whole.areas[path].multipliers
    # As a whole, the register between load and the product is one of the multiplier's own.
    assert by_blocks.total.flip_flops == whole.total.flip_flops + 18
    assert by_blocks.total.multipliers == 1
    assert by_blocks.areas["load"].multipliers == 0


def test_what_one_block_always_says_passes_to_the_other(tmp_path: Path) -> None:
    of_zero = to_verilog(Small(factor=0), name="blocks")
    found = out_of_context(of_zero, "xcup", blocks_of(of_zero), folder=tmp_path)
    assert found[""].multipliers == 0


def test_equal_arrays_count_as_often_as_they_are(tmp_path: Path) -> None:
    two = to_verilog(TwoCores(), name="blocks")
    arrays = [f"compute.core{core}.array" for core in range(2)]
    assert {*arrays, "compute.core0", "compute.core1"} < set(blocks_of(two))
    found = out_of_context(two, "xcup", blocks_of(two), folder=tmp_path)
    # The product that nobody reads is gone.
    assert found[""].multipliers == 2
    assert [found[path].multipliers for path in (*arrays, "compute.core0", "compute.core1")] == [1, 1, 1, 1]


def test_only_some_of_equal_blocks_are_refused(tmp_path: Path) -> None:
    two = to_verilog(TwoCores(), name="blocks")
    said = r"^blocks that are equal must all be named, and compute\.core1\.array are not$"
    with pytest.raises(ValueError, match=said):
        out_of_context(two, "xcup", ["compute.core0.array"], folder=tmp_path)


@pytest.mark.parametrize(
    ("target", "blocks", "said"),
    [
        ("ecp5", ["load"], r"^the target of blocks by themselves must be one of xcup, xc7, not 'ecp5'$"),
        ("xcup", ["stored"], r"^blocks of blocks must be in it, and stored are not$"),
    ],
)
def test_what_cannot_be_is_refused(target: str, blocks: list[str], said: str, design: Verilog, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=said):
        out_of_context(design, target, blocks, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []

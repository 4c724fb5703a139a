"""The loadable table by induction: a word becomes what was last written for it, whatever the table and the entry."""

from __future__ import annotations

from typing import Any

from amaranth.asserts import AnyConst
from amaranth.hdl import Assert, Assume, Cat, Cover, Module, Signal, Value
from amaranth.lib import wiring

from vitaccel_rtl.activation import Activation
from vitaccel_sim.formal.inside import Inside
from vitaccel_sim.formal.stream_contract import drive_freely


class Lookup(wiring.Component):
    """An :class:`vitaccel_rtl.activation.Activation` that does not stall, and any one entry of its tables.

    As it may be any, the block is right for every code of every slot. A word that reads the entry in the cycle in which
    it is written may get anything.

    Parameters
    ----------
    block
        With one lane.
    """

    def __init__(self, block: Activation) -> None:
        self._block = block
        super().__init__({})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block = self._block
        m.submodules.block = inside = Inside(block)
        drive_freely(m, block)
        m.d.comb += Assume(block.o.ready)
        entry: Any = AnyConst(len(block.write_address))
        known, value = Signal(), Signal.like(block.write_data, reset_less=True)
        writes = block.write_enable & (block.write_address == entry)
        with m.If(writes):
            m.d.sync += [known.eq(1), value.eq(block.write_data)]
        reads = block.i.valid & (self._address() == entry) & known & ~writes
        is_read, read = Signal(), Signal.like(value, reset_less=True)
        is_out, out = Signal(), Signal.like(value, reset_less=True)
        m.d.sync += [is_read.eq(reads), read.eq(value), is_out.eq(is_read), out.eq(read)]
        code = block.o.p.lanes[0]
        m.d.comb += [
            Assert(~known | (inside.memory_word(m, "lane0.table", entry) == value[:]), "the entry stays as written"),
            Assert(~is_read | (inside.register("lane0.table.read_0") == read[:]), "the entry is read"),
            Assert(~is_out | (block.o.valid & (code == out)), "a word becomes the entry of its code"),
            Cover(is_out & (code != 0), "the entry leaves"),
        ]
        return m

    def _address(self) -> Value:
        """Return the entry of a word: slot by slot, the codes from the most negative one on."""
        word = self._block.i.p
        slot = word.slot if "slot" in word.shape().members else 0
        return Cat(Value.cast(slot * 256 + word.lanes[0] + 128))

"""The router by induction: every word at the output it names, once, in its order; a word for none of them at none."""

from __future__ import annotations

from amaranth.hdl import Assert, Cat, Cover, Module, Mux, Signal, Value
from amaranth.lib import wiring

from vitaccel_rtl.router import Router
from vitaccel_sim.formal.inside import Inside
from vitaccel_sim.formal.order import count_words, expect_word, follow_any_word
from vitaccel_sim.formal.stream_contract import assume_contract, drive_freely


class Routing(wiring.Component):
    """A :class:`vitaccel_rtl.router.Router` whose words name their output in ``destination``.

    The words for any output are one sequence, also between outputs.

    Parameters
    ----------
    block
        The router.
    """

    def __init__(self, block: Router) -> None:
        self._block = block
        super().__init__({})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block = self._block
        m.submodules.block = inside = Inside(block)
        drive_freely(m, block)
        assume_contract(m, block)
        full, word = inside.register("full"), inside.register("word")
        offers = Cat(sink.valid for sink in block.o)
        taken = Cat(sink.valid & sink.ready for sink in block.o).any()
        leaving = Signal(len(Value.cast(block.i.payload)))
        for place, sink in enumerate(block.o):
            with m.If(sink.valid):
                m.d.comb += leaving.eq(Value.cast(sink.payload))
            m.d.comb += [
                Assert(~sink.valid | (sink.p.destination == place), "a word is at the output that it names"),
                Cover(sink.valid & sink.ready, f"a word leaves at output {place}"),
            ]
        goes = block.i.valid & block.i.ready & (block.i.p.destination < len(block.o))
        places = [(full.any(), Value.cast(word))]
        level = count_words(m, goes, taken, places)
        follow_any_word(m, level, (goes, Value.cast(block.i.payload)), (taken, leaving), places)
        expect_word(m, level, offers.any(), block.latency_cycles)
        passed = Signal()
        m.d.sync += passed.eq(block.i.valid & block.i.ready & ~goes)
        m.d.comb += [
            Assert((offers & Mux(offers.any(), offers - 1, 0)) == 0, "a word is at one output"),
            Cover(passed & ~offers.any(), "a word for no output goes nowhere"),
        ]
        return m

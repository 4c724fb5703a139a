"""The arbiter by induction: every word once, in order, as its source said it; rows kept together; nobody starves.

The words of all sources are one sequence, in the order in which they are accepted, each with the index of its source.
:mod:`vitaccel_sim.formal.order` follows any of them to the output. That no two are accepted at once is asserted.
"""

from __future__ import annotations

from typing import Any

from amaranth.asserts import AnyConst
from amaranth.hdl import Assert, Assume, Cat, Const, Cover, Module, Mux, Signal, Value
from amaranth.lib import wiring

from vitaccel_rtl.arbiter import Arbiter
from vitaccel_sim.formal.inside import Inside
from vitaccel_sim.formal.order import count_words, expect_word, follow_any_word
from vitaccel_sim.formal.stream_contract import assume_contract, drive_freely


class Arbitration(wiring.Component):
    """An :class:`vitaccel_rtl.arbiter.Arbiter` with free sources, and all that it promises.

    Under ``round-robin`` a source that waits is passed so many times at most as there are others: the passes so far and
    the sources that are still before it are no more than N - 1, and each grant takes at least one of the latter. With
    rows kept together a pass is a row that began while the source waited, or was under way when it came.

    Parameters
    ----------
    block
        The arbiter.
    policy, keep_until_last
        Its own.
    """

    def __init__(self, block: Arbiter, *, policy: str = "round-robin", keep_until_last: bool = False) -> None:
        self._block = block
        self._policy = policy
        self._keeps = keep_until_last
        self._sources = len(block.i)
        super().__init__({})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block = self._block
        m.submodules.block = inside = Inside(block)
        drive_freely(m, block)
        assume_contract(m, block)
        valid = Cat(source.valid for source in block.i)
        accepts = Signal(self._sources)
        m.d.comb += [
            accepts.eq(Cat(source.valid & source.ready for source in block.i)),
            Assert((accepts & (accepts - 1)[: self._sources]) == 0, "no two sources are accepted at once"),
        ]
        self._follow(m, inside, accepts)
        owned, owner = Value.cast(0), Const(0, self._sources)
        if self._keeps:
            owned, owner = inside.signal("is_owned"), inside.register("owner")
            self._assert_rows(m, inside, owned, owner)
        may_choose = block.o.ready & ~owned
        m.d.comb += Assert(~(may_choose & valid.any()) | accepts.any(), "a word is accepted if there is one and room")
        if self._policy == "fixed":
            self._assert_priority(m, valid, accepts, owned)
        else:
            self._assert_turns(m, inside, accepts, owned, owner)
        return m

    def _chosen_word(self, inside: Inside) -> tuple[Value, Value, Value]:
        """Return whether a word has been accepted and not yet fetched, the word, and the index of its source."""
        chosen = inside.register("chosen")
        word, index = inside.register("word_0"), Value.cast(0)
        for place in range(1, self._sources):
            word = Mux(chosen[place], inside.register(f"word_{place}"), word)
            index = Mux(chosen[place], place, index)
        return chosen.any(), word, index

    def _follow(self, m: Module, inside: Inside, accepts: Value) -> None:
        """Assert of any word that it leaves once, after those before it, with the index of the source it is from."""
        block = self._block
        payloads = [Value.cast(source.payload) for source in block.i]
        index_bits = len(block.o.p.source)
        arriving = Signal(len(payloads[0]) + index_bits)
        for place, payload in enumerate(payloads):
            with m.If(accepts[place]):
                m.d.comb += arriving.eq(Cat(payload, Const(place, index_bits)))
        chosen, word, index = self._chosen_word(inside)
        places = [
            (inside.register("full"), Cat(inside.register("word"), inside.register("source"))),
            (chosen, Cat(word, index[:index_bits])),
        ]
        taken = block.o.valid & block.o.ready
        level = count_words(m, accepts.any(), taken, places)
        follow_any_word(m, level, (accepts.any(), arriving), (taken, Value.cast(block.o.payload)), places)
        expect_word(m, level, block.o.valid, block.latency_cycles)
        several = inside.register("chosen")
        m.d.comb += [
            Assert((several & (several - 1)[: self._sources]) == 0, "one source is fetched from at most"),
            Assert(~block.o.valid | (block.o.p.source < self._sources), "a word is from a source that is there"),
        ]

    def _assert_rows(self, m: Module, inside: Inside, owned: Value, owner: Value) -> None:
        """Assert that a row at the output is of one source: what is open there follows, word by word, from who owns."""
        block = self._block
        is_open, source = Signal(), Signal.like(block.o.p.source, reset_less=True)
        leaves = block.o.valid & block.o.ready
        with m.If(leaves):
            m.d.sync += [is_open.eq(~block.o.p.word.last), source.eq(block.o.p.source)]
        continues = is_open & block.o.valid
        m.d.comb += [
            Assert(~continues | (block.o.p.source == source), "a row that has begun is not interleaved"),
            Assert(~is_open | (source < self._sources), "a row is of a source that is there"),
            Cover(is_open & leaves & block.o.p.word.last & (source == 1), "a row of two words leaves"),
        ]
        chosen, word, index = self._chosen_word(inside)
        after_open = Mux(block.o.valid, ~block.o.p.word.last, is_open)
        after_source = Mux(block.o.valid, block.o.p.source, source)
        m.d.comb += Assert(~(chosen & after_open) | (index == after_source), "the word behind continues its row")
        ends = Cat(inside.register(f"word_{place}")[-1] for place in range(self._sources))
        m.d.comb += Assert(inside.register("lasts") == ends, "it is known which words end a row")
        last_open, last_source = Mux(chosen, ~word[-1], after_open), Mux(chosen, index, after_source)
        m.d.comb += [
            Assert(owned == last_open, "the output is owned while a row is open"),
            Assert(~owned | (owner == (Const(1) << last_source)[: self._sources]), "the source of that row owns it"),
        ]

    def _assert_priority(self, m: Module, valid: Value, accepts: Value, owned: Value) -> None:
        for place in range(1, self._sources):
            m.d.comb += [
                Assert(~(accepts[place] & ~owned) | ~valid[:place].any(), f"source {place} waits for those before it"),
                Cover(accepts[place] & ~owned, f"source {place} is accepted"),
            ]

    def _assert_turns(self, m: Module, inside: Inside, accepts: Value, owned: Value, owner: Value) -> None:
        """Assert the bound on the wait of any one source."""
        behind = inside.register("source_behind")
        for place in range(self._sources):
            is_end = behind[place:].all()
            m.d.comb += Assert(~behind[place] | is_end, "those behind the last one granted are all from a source on")
            upwards = [int(other > place) for other in range(self._sources)]
            exact = behind == Cat(Const(bit, 1) for bit in upwards)
            m.d.comb += Assert(~(owned & owner[place]) | exact, "the sources behind an owner are those after it")
        who: Any = AnyConst((self._sources - 1).bit_length())
        m.d.comb += Assume(who < self._sources)
        mine = (Const(1) << who)[: self._sources]
        before_me = Signal(range(self._sources))
        lower = mine - 1
        first_served = Mux((behind & mine).any(), behind & lower, behind | lower)
        m.d.comb += before_me.eq(_ones(first_served))

        valid = Cat(source.valid for source in self._block.i)
        waits = Signal()
        m.d.comb += waits.eq((valid & mine).any() & ~(owned & (owner & mine).any()))
        waited = Signal()
        passes = Signal(range(2 * self._sources + 1), reset_less=True)
        so_far = Mux(waited, passes, owned)
        served = (accepts & mine).any()
        m.d.sync += [
            waited.eq(waits & ~served),
            passes.eq(so_far + ((accepts & ~mine).any() & ~owned)),
        ]
        bound = self._sources - 1
        m.d.comb += [
            Assert(~waits | (so_far + before_me <= bound), "the passes and the sources before me are N - 1 at most"),
            Assert(~served | ~waits | (so_far <= bound), "a source is passed N - 1 times at most"),
            Cover(served & waits & (so_far == bound), "a source is passed N - 1 times"),
        ]


def _ones(bits: Value) -> Value:
    return sum((bits[place] for place in range(len(bits))), start=Value.cast(0))

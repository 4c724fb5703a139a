"""The queue of credits by induction: what is reserved always has a place, and words leave once and in order.

A user reserves only where there is a place, and brings a word only for a reservation; how many reservations wait for
their words is counted beside the block.
"""

from __future__ import annotations

from amaranth.hdl import Assert, Assume, Cover, Module, Signal, Value
from amaranth.lib import wiring

from vitaccel_rtl.credit_queue import CreditQueue
from vitaccel_sim.formal.inside import Inside
from vitaccel_sim.formal.order import count_words, expect_word, follow_any_word, modulo
from vitaccel_sim.formal.stream_contract import drive_freely, waits


class CreditOrder(wiring.Component):
    """A :class:`vitaccel_rtl.credit_queue.CreditQueue` with a user that keeps to its rules, and all that it promises.

    Parameters
    ----------
    block
        Of *depth* places.
    depth
        Its own.
    """

    def __init__(self, block: CreditQueue, *, depth: int) -> None:
        self._block = block
        self._depth = depth
        super().__init__({})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block = self._block
        m.submodules.block = inside = Inside(block)
        drive_freely(m, block)
        taken = block.o.valid & block.o.ready
        awaited = self._count_reservations(m)
        places = self._places(m, inside)
        level = count_words(m, block.arrives, taken, places)
        arriving, leaving = Value.cast(block.word), Value.cast(block.o.payload)
        follow_any_word(m, level, (block.arrives, arriving), (taken, leaving), places)
        expect_word(m, level, block.o.valid, block.latency_cycles)
        waiting, payload = waits(m, block.o, "o")
        m.d.comb += [
            Assert(inside.register("reserved") == level + awaited, "a place is kept from reserving it to leaving it"),
            Assert(level + awaited <= self._depth, "no more is reserved than there are places"),
            Assert(block.has_place == (level + awaited < self._depth), "it says whether there is a place"),
            Assert(~waiting | (block.o.valid & (leaving == payload)), "a word offered stays offered"),
            Cover(~block.has_place & (awaited == self._depth), "all places are reserved for words that did not come"),
        ]
        return m

    def _count_reservations(self, m: Module) -> Signal:
        """Return how many reservations wait for their words, and assume what a user has to keep to."""
        block = self._block
        awaited = Signal(range(self._depth + 1))
        m.d.sync += awaited.eq(awaited + block.reserve - block.arrives)
        m.d.comb += [
            Assume(~block.reserve | block.has_place),
            Assume(~block.arrives | (awaited != 0) | block.reserve),
        ]
        return awaited

    def _places(self, m: Module, inside: Inside) -> list[tuple[Value, Value]]:
        """Return the places, the first to leave first: a register, then the memory from the place that is read."""
        full, waiting, first = (inside.register(name) for name in ("full", "waiting", "read_place"))
        places = [(full, inside.register("front"))]
        for word in range(self._depth - 1):
            place = modulo(first + word, self._depth)
            places.append((waiting > word, inside.memory_word(m, "memory", place)))
        end = inside.register("write_place")
        m.d.comb += [
            Assert(inside.register("some_wait") == (waiting != 0), "it is known whether a word waits behind the first"),
            Assert(full | (waiting == 0), "no word waits behind none"),
            Assert((first < self._depth) & (waiting < self._depth), "places are those there are"),
            Assert(end == modulo(first + waiting, self._depth), "words are written behind those that wait"),
        ]
        return places

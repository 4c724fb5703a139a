"""Every word leaves once, unchanged, in its order: of queues, register slices and pipelines, by induction.

Some word is marked as it is accepted, whichever and whenever, with the number of words that are inside before it. It
must leave after exactly those, equal to what came in. As it may be any word, none is lost, doubled or overtaken. The
induction needs to know where the words inside are: *contents* says it of each kind of block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Cat, Cover, Module, Mux, Signal, Value
from amaranth.lib import wiring

from vitaccel_rtl.stream import Pipeline, lane_word
from vitaccel_sim.formal.inside import Inside
from vitaccel_sim.formal.stream_contract import assume_contract, drive_freely

Contents = Callable[[Module, Inside], tuple[Sequence[tuple[Value, Value]], Value]]
"""Returns the places of a block, the first to leave first, as whether each is full and its word; and an invariant."""


class InOrder(wiring.Component):
    """A block of one input and one output, and the assertion that words pass it in order.

    Parameters
    ----------
    block
        Its payloads at both ends have one width.
    contents
        Where its words are.
    """

    def __init__(self, block: Any, contents: Contents) -> None:
        self._block = block
        self._contents = contents
        super().__init__({})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block = self._block
        m.submodules.block = inside = Inside(block)
        drive_freely(m, block)
        assume_contract(m, block)
        places, invariant = self._contents(m, inside)
        accepted, taken = block.i.valid & block.i.ready, block.o.valid & block.o.ready
        level = count_words(m, accepted, taken, places)
        arriving, leaving = Value.cast(block.i.payload), Value.cast(block.o.payload)
        follow_any_word(m, level, (accepted, arriving), (taken, leaving), places)
        m.d.comb += Assert(invariant, "the block keeps its own books")
        expect_word(m, level, block.o.valid, block.latency_cycles)
        return m


def count_words(m: Module, accepted: Value, taken: Value, places: Sequence[tuple[Value, Value]]) -> Signal:
    """Return how many words are inside, and assert that the full places are as many."""
    level = Signal(range(len(places) + 1))
    full = sum((here for here, _ in places), start=Value.cast(0))
    m.d.sync += level.eq(level + accepted - taken)
    m.d.comb += [
        Assert(level == full, "as many words are inside as came and have not left"),
        Cover(level == len(places), "every place is full"),
    ]
    return level


def follow_any_word(
    m: Module,
    level: Value,
    arrival: tuple[Value, Value],
    departure: tuple[Value, Value],
    places: Sequence[tuple[Value, Value]],
) -> None:
    """Mark some word as it is accepted, and assert that it leaves after those before it, as it came."""
    (accepted, arriving), (taken, leaving) = arrival, departure
    marked = Signal()
    word = Signal(len(arriving), reset_less=True)
    ahead = Signal(range(len(places) + 1))
    mark = accepted & ~marked & AnySeq(1)
    leaves = marked & taken & (ahead == 0)
    with m.If(mark):
        m.d.sync += [marked.eq(1), word.eq(arriving), ahead.eq(level - taken)]
    with m.Elif(leaves):
        m.d.sync += marked.eq(0)
    with m.Elif(taken):
        m.d.sync += ahead.eq(ahead - 1)
    m.d.comb += [
        Assert(~leaves | (leaving == word), "a word leaves as it came, after those before it"),
        Assert(~marked | (ahead < level), "a word stays inside until it leaves"),
        Cover(leaves & (word != 0), "the marked word leaves"),
    ]
    before = Value.cast(0)
    for full, held in places:
        m.d.comb += Assert(~(marked & full & (before == ahead)) | (held == word), "a word is where its turn says")
        before = before + full


def expect_word(m: Module, level: Value, valid: Value, latency_cycles: int) -> None:
    """Assert that a block with a word inside offers one within its latency."""
    quiet = Signal(range(latency_cycles + 2))
    m.d.sync += quiet.eq(Mux((level == 0) | valid, 0, quiet + 1))
    m.d.comb += Assert(quiet < latency_cycles, "a word that is inside is offered within the latency")


def skid_contents(_: Module, inside: Inside) -> tuple[list[tuple[Value, Value]], Value]:
    """Return the places of a :class:`vitaccel_rtl.stream.SkidBuffer`."""
    front_full, spare_full = inside.register("front_full"), inside.register("spare_full")
    places = [(front_full, inside.register("front")), (spare_full, inside.register("spare"))]
    return places, front_full | ~spare_full


def fifo_contents(depth: int) -> Contents:
    """Return what says the places of a :class:`vitaccel_rtl.fifo.StreamFifo`: its output register and its memory."""
    words = depth - 1

    def contents(m: Module, inside: Inside) -> tuple[list[tuple[Value, Value]], Value]:
        level, first = inside.register("queue.inner_level"), inside.register("queue.consume")
        offered = inside.register("queue.storage.read_0")
        places = [(inside.register("queue.r_rdy"), offered)]
        for word in range(words):
            place = modulo(first + word, words)
            places.append((level > word, inside.memory_word(m, "queue.storage", place)))
        end = inside.register("queue.produce")
        return places, (first < words) & (level <= words) & (end == modulo(first + level, words))

    return contents


class Delay(Pipeline):
    """The pipeline itself: it makes of every word the same word.

    Parameters
    ----------
    width
        Of a word.
    latency_cycles
        Stages.
    """

    def __init__(self, *, width: int, latency_cycles: int) -> None:
        word = lane_word(1, width)
        super().__init__(i=word, o=word, latency_cycles=latency_cycles)

    def connect(self, m: Module, stages: Any, valid: Any, last: Any) -> None:
        m.d.comb += self.o.p.lanes.eq(stages.delay(Value.cast(self.i.p.lanes), self.latency_cycles, name="word"))


def delay_contents(latency_cycles: int) -> Contents:
    """Return what says the places of a :class:`Delay`."""

    def contents(_: Module, inside: Inside) -> tuple[list[tuple[Value, Value]], Value]:
        stages = range(latency_cycles, 0, -1)
        register = inside.register
        places = [(register(f"valid_{n}"), Cat(register(f"word_{n}"), register(f"last_{n}"))) for n in stages]
        return places, register("offered") == register(f"valid_{latency_cycles}")

    return contents


def modulo(value: Value, modulus: int) -> Value:
    """Return *value*, less than twice the modulus, as a place of so many."""
    return Mux(value >= modulus, value - modulus, value)

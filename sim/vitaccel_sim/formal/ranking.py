"""Top-k by induction: after every word of a row, the ranks are those of the row so far."""

from __future__ import annotations

from amaranth.hdl import Assert, Assume, Cover, Module, Mux, Signal, Value
from amaranth.lib import wiring

from vitaccel_rtl.topk import TopK
from vitaccel_sim.formal.inside import Inside
from vitaccel_sim.formal.stream_contract import drive_freely


class Ranking(wiring.Component):
    """A :class:`vitaccel_rtl.topk.TopK` that does not stall, beside the logits of its row and where each of them ranks.

    The rank of a logit is the number of those of the row that are larger, or as large and of a lower expert. Logits are
    any, rows of any lengths follow each other, and a reset comes at any time.

    Parameters
    ----------
    block
        With one lane.
    experts, k
        Its own.
    """

    def __init__(self, block: TopK, *, experts: int, k: int) -> None:
        self._block = block
        self._experts = experts
        self._k = k
        super().__init__({})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block = self._block
        m.submodules.block = inside = Inside(block)
        drive_freely(m, block)
        m.d.comb += Assume(block.o.ready)
        held, place, logits = self._collect(m, inside)
        self._assert_entering(m, inside, held, place)
        for expert, logit in enumerate(logits):
            better = self._better(logits, expert, held)
            for rank in range(self._k):
                here = (held > expert) & (better == rank)
                m.d.comb += [
                    Assert(~here | (block.o.p.experts[0][rank] == expert), f"expert {expert} has the rank {rank}"),
                    Assert(~here | (block.o.p.logits[0][rank] == logit), f"rank {rank} has the logit of its expert"),
                ]
        m.d.comb += [
            Assert(~block.o.valid | ((place == 0) & (held != 0)), "a result is offered with the ranks of a whole row"),
            Cover(block.o.valid & (held == self._experts) & (logits[0] == logits[1]), "equal logits have their ranks"),
            Cover(block.o.valid & (block.o.p.experts[0][0] == self._experts - 1), "the last expert is the best"),
        ]
        return m

    def _assert_entering(self, m: Module, inside: Inside, held: Value, place: Value) -> None:
        """Assert what is known of the word that enters next, which was compared as it came."""
        there, ends = inside.register("valid_1"), inside.register("last_1")
        logit, first = inside.register("lane0.entering_logit"), inside.register("lane0.entering_first")
        following = Mux(there, Mux(ends, 0, place + 1), place)
        m.d.comb += [
            Assert(held <= self._experts, "a row is as long as assumed"),
            Assert(inside.register("expert") == following, "an expert is its place in the row"),
            Assert(~there | (inside.register("lane0.entering_expert") == place), "it enters as that expert"),
            Assert(~there | (first == (place == 0)), "the first word of a row is known"),
        ]
        for rank in range(self._k):
            full, holds = inside.register(f"lane0.full{rank}"), self._block.o.p.logits[0][rank]
            enters = there & (first | ~full | (logit > holds))
            m.d.comb += [
                Assert((held == 0) | (full == (held > rank)), f"rank {rank} is taken in turn"),
                Assert(inside.register(f"lane0.enters{rank}") == enters, f"rank {rank} takes what is better"),
            ]

    def _collect(self, m: Module, inside: Inside) -> tuple[Signal, Value, list[Signal]]:
        """Return how many logits of a row have entered, the place of the next one in its row, and the logits."""
        there, ends, logit = (inside.register(name) for name in ("valid_1", "last_1", "lane0.entering_logit"))
        word = self._block.i
        came = Signal.like(word.p.lanes[0], reset_less=True)
        held = Signal(range(self._experts + 1))
        begins = Signal(init=1)
        logits = [Signal.like(came, name=f"row_{n}", reset_less=True) for n in range(self._experts)]
        place = Mux(begins, 0, held)
        m.d.sync += came.eq(word.p.lanes[0])
        m.d.comb += [
            Assume(~there | ends | (place < self._experts - 1)),
            Assert(~there | (logit == came), "what enters is what came"),
        ]
        with m.If(there):
            m.d.sync += [begins.eq(ends), held.eq(place + 1)]
            for n, kept in enumerate(logits):
                with m.If(place == n):
                    m.d.sync += kept.eq(logit)
        return held, place, logits

    def _better(self, logits: list[Signal], expert: int, held: Value) -> Value:
        better = (
            (held > other) & ((logits[other] >= logits[expert]) if other < expert else (logits[other] > logits[expert]))
            for other in range(self._experts)
            if other != expert
        )
        return sum(better, start=Value.cast(0))

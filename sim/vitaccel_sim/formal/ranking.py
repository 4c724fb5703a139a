"""Top-k by induction: after every word of a row, the ranks are those of the row so far."""

from __future__ import annotations

from amaranth.hdl import Assert, Assume, Cover, Module, Mux, Signal, Value
from amaranth.lib import data, wiring

from vitaccel_rtl.topk import TopK, ordered, rank_layout
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
        """Assert what is known of the two words that enter next: one was compared as it came, the other is coming."""
        there, ends, following = inside.register("valid_2"), inside.register("last_2"), Signal.like(place)
        new, first = self._rank(inside, "new"), inside.register("lane0.first")
        m.d.comb += [
            following.eq(Mux(there, Mux(ends, 0, place + 1), place)),
            Assert(held <= self._experts, "a row is as long as assumed"),
            Assert(~there | (new.full & (new.expert == place)), "it enters as the expert of its place"),
            Assert(~there | (first == (place == 0)), "the first word of a row is known"),
            Assert(inside.register("expert") == following, "the next word is of the next place"),
            Assert(inside.register("first") == (following == 0), "and is known to be the first"),
        ]
        coming, logit = inside.register("valid_1"), inside.register("lane0.logit_next")
        beats = inside.register("lane0.beats_one")
        m.d.comb += Assert(~coming | (beats == (logit > new.logit)), "what comes is compared with what enters")
        entered, better = [], []
        for rank in range(self._k):
            holds = self._rank(inside, f"rank{rank}")
            enters = there & (first | ~holds.full | (new.logit > holds.logit))
            entered.append(inside.register(f"lane0.entered{rank}"))
            better.append(inside.register(f"lane0.better{rank}"))
            m.d.comb += [
                Assert((held == 0) | (holds.full == (held > rank)), f"rank {rank} is taken in turn"),
                Assert(inside.register(f"lane0.enters{rank}") == enters, f"rank {rank} takes what is better"),
            ]
        # Compared with the ranks of a cycle before, and since then one has entered.
        first, beats = inside.register("lane0.first_entered"), inside.register("lane0.beats_two")
        for rank in range(self._k):
            holds, moved = self._rank(inside, f"rank{rank}"), beats
            if rank:
                moved = Mux(entered[rank - 1], better[rank - 1] | first, beats)
            found = Mux(entered[rank], moved, better[rank])
            wanted = ~holds.full | (logit > holds.logit)
            m.d.comb += Assert(~coming | (found == wanted), f"what comes is compared with rank {rank}")

    def _rank(self, inside: Inside, name: str) -> data.View:
        layout = rank_layout(expert_bits=max((self._experts - 1).bit_length(), 1))
        return layout(inside.register(f"lane0.{name}"))

    def _collect(self, m: Module, inside: Inside) -> tuple[Signal, Value, list[Signal]]:
        """Return how many logits of a row have entered, the place of the next one in its row, and the logits."""
        there, ends = inside.register("valid_2"), inside.register("last_2")
        logit = ordered(self._rank(inside, "new").logit).as_signed()
        came = [Signal.like(self._block.i.p.lanes[0], name=f"came_{n}", reset_less=True) for n in range(2)]
        held = Signal(range(self._experts + 1))
        begins = Signal(init=1)
        logits = [Signal.like(came[0], name=f"row_{n}", reset_less=True) for n in range(self._experts)]
        place = Mux(begins, 0, held)
        m.d.sync += [came[0].eq(self._block.i.p.lanes[0]), came[1].eq(came[0])]
        m.d.comb += [
            Assume(~there | ends | (place < self._experts - 1)),
            Assert(~inside.register("valid_1") | (inside.register("lane0.logit_next") == ordered(came[0])), "it comes"),
            Assert(~there | (logit == came[1]), "what enters is what came"),
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

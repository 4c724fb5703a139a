"""Top-k lanes: the k best experts of each token, best first; of equal logits the lower expert is first.

The integers of `vitaccel.reference.topk.TopK`. Lane i takes the logits of token i, expert by expert, into k registers:
a logit enters before the first one that is smaller, and those from there on move down. It is compared two stages before
it enters; what the two logits ahead of it leave there is then made of those comparisons.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.formats import LOGIT_BITS
from vitaccel_rtl.stream import Pipeline, Stages, check_range, lane_word


def rank_layout(*, expert_bits, logit_bits=LOGIT_BITS):
    """Layout of a rank: ``expert``, ``logit`` (see :func:`ordered`), and ``full``, without which it is empty.

    Read as a number without the expert, an empty rank is below all logits.
    """
    return data.StructLayout({"expert": unsigned(expert_bits), "logit": unsigned(logit_bits), "full": 1})


class TopKLane(wiring.Component):
    """One lane; its registers load when *advance* is high.

    Parameters
    ----------
    k, expert_bits, logit_bits
        Ranks, and widths of what is in each.

    Attributes
    ----------
    logit : Signal, in
        It has entered three stages later.
    load, first, expert : Signal, in
        Of the logit of a stage before: there is one, the lane forgets its row, whose it is.
    experts, logits : Signal, out
        The k best, best first.
    """

    def __init__(self, *, k, expert_bits, logit_bits=LOGIT_BITS):
        self._k = k
        self._held = rank_layout(expert_bits=expert_bits, logit_bits=logit_bits)
        super().__init__(
            {
                "advance": In(1),
                "logit": In(signed(logit_bits)),
                "load": In(1),
                "first": In(1),
                "expert": In(unsigned(expert_bits)),
                "experts": Out(data.ArrayLayout(unsigned(expert_bits), k)),
                "logits": Out(data.ArrayLayout(signed(logit_bits), k)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, self.advance)
        ranks = [Signal(self._held, name=f"rank{rank}", reset_less=True) for rank in range(self._k)]
        enters = [Signal(name=f"enters{rank}") for rank in range(self._k)]
        entered = [stages.register(enter, name=f"entered{rank}") for rank, enter in enumerate(enters)]
        logit = stages.register(ordered(self.logit), name="logit_next")
        new = Signal(self._held, name="new", reset_less=True)
        first = stages.register(self.first, name="first")
        with m.If(self.advance):
            m.d.sync += [new.logit.eq(logit), new.expert.eq(self.expert), new.full.eq(1)]

        # With the ranks as they are, of which two logits that are ahead are not yet; in the next stage with these too.
        arriving = ordered(self.logit)
        better = [
            stages.register(Cat(arriving, 1) > Cat(held.logit, held.full), name=f"better{rank}")
            for rank, held in enumerate(ranks)
        ]
        beats_one = stages.register(arriving > logit, name="beats_one")
        beats_two = stages.register(arriving > new.logit, name="beats_two")
        better = _after(better, entered, stages.register(first, name="first_entered"), beats_two)
        better = _after(better, enters, first, beats_one)
        with m.If(self.advance):
            m.d.sync += [
                enter.eq(self.load & (self.first | is_better)) for enter, is_better in zip(enters, better, strict=True)
            ]
            self._enter(m, ranks, enters, new, first)
        for rank, held in enumerate(ranks):
            m.d.comb += [self.experts[rank].eq(held.expert), self.logits[rank].eq(ordered(held.logit))]
        return m

    def _enter(self, m, ranks, enters, new, first):
        """A rank that is entered takes the one of the rank above if that one moves down, else the new one."""
        for rank, held in enumerate(ranks):
            moved = Signal(self._held, name=f"moved{rank}")
            m.d.comb += moved.eq(new)
            if rank:
                with m.If(enters[rank - 1]):
                    m.d.comb += [moved.eq(ranks[rank - 1]), moved.full.eq(ranks[rank - 1].full & ~first)]
            with m.If(enters[rank]):
                m.d.sync += held.eq(moved)


def ordered(logit):
    """Return bits whose order as an unsigned number is that of the logit, or the logit of such bits.

    One carry chain compares them; with signs it would be two. Comparisons are strict: of equals, the first stays.
    """
    return Cat(logit[:-1], ~logit[-1])


def _after(better, enters, first, beats):
    """Whether a logit is better than what is in each rank when another has entered.

    Parameters
    ----------
    better
        Whether it was better before.
    enters, first
        The ranks that the other enters, of which all but the first take the one above; and whether it forgets these.
    beats
        Whether the logit is better than the other.
    """
    found = [Mux(enters[0], beats, better[0])]
    for rank in range(1, len(better)):
        moved = Mux(enters[rank - 1], better[rank - 1] | first, beats)
        found.append(Mux(enters[rank], moved, better[rank]))
    return found


class TopK(Pipeline):
    """P top-k lanes: takes a word of logits a cycle, offers a word for every row-block 3 cycles after its last word.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    experts
        Words of the longest row, 1 to 4096.
    k
        1 to *experts* and 16 at most. A row has k experts or more: the last ranks of a shorter one mean nothing.

    Attributes
    ----------
    i : stream
        ``lanes`` (logits, int16), ``last``: the last expert.
    o : stream
        ``experts`` and ``logits`` (for each lane k of them, best first), ``last`` (always 1).

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, experts, k):
        check_range("lanes of a router", lanes, 1, 256)
        check_range("experts of a router", experts, 1, 4096)
        check_range("k of a router", k, 1, min(experts, 16))
        self._k = k
        self._expert_bits = max((experts - 1).bit_length(), 1)
        fields = {
            "experts": data.ArrayLayout(data.ArrayLayout(unsigned(self._expert_bits), k), lanes),
            "logits": data.ArrayLayout(data.ArrayLayout(signed(LOGIT_BITS), k), lanes),
        }
        super().__init__(
            i=lane_word(lanes, signed(LOGIT_BITS)),
            o=data.StructLayout({**fields, "last": 1}),
            latency_cycles=latency.TOPK,
        )

    def offered(self, valid, last):
        return valid & last

    def connect(self, m, stages, valid, last):
        expert, first = Signal(self._expert_bits, name="expert"), Signal(init=1, name="first")
        with m.If(stages.advance & valid[1]):
            m.d.sync += [expert.eq(Mux(last[1], 0, expert + 1)), first.eq(last[1])]
        for i, logit in enumerate(self.i.p.lanes):
            lane = TopKLane(k=self._k, expert_bits=self._expert_bits)
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.advance.eq(stages.advance),
                lane.load.eq(valid[1]),
                lane.first.eq(first),
                lane.logit.eq(logit),
                lane.expert.eq(expert),
                self.o.p.experts[i].eq(lane.experts),
                self.o.p.logits[i].eq(lane.logits),
            ]

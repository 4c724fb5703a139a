"""Top-k lanes: the k best experts of each token, best first; of equal logits the lower expert is first.

The integers of `vitaccel.reference.topk.TopK`. Lane i takes the logits of token i, expert by expert, into k registers:
a logit enters before the first one that is smaller, and those from there on move down. It is compared a stage before it
enters, with what the logit ahead of it leaves there.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.stream import Pipeline, Stages, check_range, lane_word

LOGIT_BITS = 16


def _is_larger(new, old):
    """Whether a logit is strictly larger: of equals, the one that came first stays.

    With the sign bits inverted they compare without a sign, which is one carry chain; with signs it would be two.
    """
    new, old = (Cat(logit[:-1], ~logit[-1]) for logit in (new, old))
    return new > old


class TopKLane(wiring.Component):
    """One lane; its registers load when *advance* is high.

    Parameters
    ----------
    k, expert_bits, logit_bits
        Ranks, and widths of what is in each.

    Attributes
    ----------
    load : Signal, in
        There is a logit; it has entered two stages later.
    first : Signal, in
        With the logit: the lane forgets its row.
    logit, expert : Signal, in
    experts, logits : Signal, out
        The k best, best first.
    """

    def __init__(self, *, k, expert_bits, logit_bits=LOGIT_BITS):
        self._k = k
        self._expert_bits = expert_bits
        self._logit_bits = logit_bits
        super().__init__(
            {
                "advance": In(1),
                "load": In(1),
                "first": In(1),
                "logit": In(signed(logit_bits)),
                "expert": In(unsigned(expert_bits)),
                "experts": Out(data.ArrayLayout(unsigned(expert_bits), k)),
                "logits": Out(data.ArrayLayout(signed(logit_bits), k)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, self.advance)
        entering = tuple(
            stages.register(value, name=f"entering_{name}")
            for name, value in (("logit", self.logit), ("expert", self.expert), ("first", self.first))
        )
        beats_entering = _is_larger(self.logit, entering[0])
        above = None
        for rank in range(self._k):
            logit = Signal(signed(self._logit_bits), name=f"logit{rank}", reset_less=True)
            expert = Signal(self._expert_bits, name=f"expert{rank}", reset_less=True)
            full = Signal(name=f"full{rank}", reset_less=True)
            better = Signal(name=f"better{rank}")
            m.d.comb += better.eq(~full | _is_larger(self.logit, logit))
            after = self._better_after(above, beats_entering, entering[2])
            enters = Signal(name=f"enters{rank}")
            with m.If(self.advance):
                m.d.sync += enters.eq(self.load & (self.first | Mux(enters, after, better)))
                with m.If(enters):
                    m.d.sync += self._enter(above, entering, logit, expert, full)
            m.d.comb += [self.experts[rank].eq(expert), self.logits[rank].eq(logit)]
            above = (logit, expert, full, better, enters)
        return m

    def _better_after(self, above, beats_entering, first):
        """Whether a logit is better than what is in a rank when the one ahead has entered there or above."""
        if above is None:
            return beats_entering
        *_, above_better, moves = above
        return Mux(moves, above_better | first, beats_entering)

    def _enter(self, above, entering, logit, expert, full):
        """Take the one of the rank above if that one moves down, else the new one."""
        new_logit, new_expert, first = entering
        if above is None:
            return [logit.eq(new_logit), expert.eq(new_expert), full.eq(1)]
        above_logit, above_expert, above_full, _, moves = above
        return [
            logit.eq(Mux(moves, above_logit, new_logit)),
            expert.eq(Mux(moves, above_expert, new_expert)),
            full.eq(Mux(moves, above_full & ~first, 1)),
        ]


class TopK(Pipeline):
    """P top-k lanes: takes a word of logits a cycle, offers a word for every row-block two cycles after its last word.

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
        expert = Signal(self._expert_bits)
        with m.If(stages.advance & valid[0]):
            m.d.sync += expert.eq(Mux(last[0], 0, expert + 1))
        for i, logit in enumerate(self.i.p.lanes):
            lane = TopKLane(k=self._k, expert_bits=self._expert_bits)
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.advance.eq(stages.advance),
                lane.load.eq(valid[0]),
                lane.first.eq(expert == 0),
                lane.logit.eq(logit),
                lane.expert.eq(expert),
                self.o.p.experts[i].eq(lane.experts),
                self.o.p.logits[i].eq(lane.logits),
            ]

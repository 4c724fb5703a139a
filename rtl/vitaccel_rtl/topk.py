"""Top-k lanes: the k best experts of each token, best first; of equal logits the lower expert is first.

The integers of `vitaccel.reference.topk.TopK`. Lane i takes the logits of token i, expert by expert, into k registers:
a logit enters before the first one that is smaller, and those from there on move down.
"""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.stream import Pipeline, check_range, lane_word

LOGIT_BITS = 16


class TopKLane(wiring.Component):
    """One lane; its registers take the logit when *load* is high, and forget their row if it is the *first*."""

    def __init__(self, *, k, expert_bits):
        self._k = k
        self._expert_bits = expert_bits
        super().__init__(
            {
                "load": In(1),
                "first": In(1),
                "logit": In(signed(LOGIT_BITS)),
                "expert": In(unsigned(expert_bits)),
                "experts": Out(data.ArrayLayout(unsigned(expert_bits), k)),
                "logits": Out(data.ArrayLayout(signed(LOGIT_BITS), k)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        before = None
        for rank in range(self._k):
            logit = Signal(signed(LOGIT_BITS), name=f"logit{rank}", reset_less=True)
            expert = Signal(self._expert_bits, name=f"expert{rank}", reset_less=True)
            full = Signal(name=f"full{rank}", reset_less=True)
            # Strictly larger: of equals, the one that came first stays.
            better = Signal(name=f"better{rank}")
            m.d.comb += better.eq(self.first | ~full | (self.logit > logit))
            with m.If(self.load & better):
                m.d.sync += self._enter(rank, before, logit, expert, full)
            m.d.comb += [self.experts[rank].eq(expert), self.logits[rank].eq(logit)]
            before = (logit, expert, full, better)
        return m

    def _enter(self, rank, before, logit, expert, full):
        """Take the one of the rank above if that one moves down, else the new one."""
        if rank == 0:
            return [logit.eq(self.logit), expert.eq(self.expert), full.eq(1)]
        above_logit, above_expert, above_full, moves = before
        return [
            logit.eq(Mux(moves, above_logit, self.logit)),
            expert.eq(Mux(moves, above_expert, self.expert)),
            full.eq(Mux(moves, above_full & ~self.first, 1)),
        ]


class TopK(Pipeline):
    """P top-k lanes: takes a word of logits a cycle, offers a word for every row-block a cycle after its last word.

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
        load = Signal()
        m.d.comb += load.eq(stages.advance & valid[0])
        with m.If(load):
            m.d.sync += expert.eq(Mux(last[0], 0, expert + 1))
        for i, logit in enumerate(self.i.p.lanes):
            lane = TopKLane(k=self._k, expert_bits=self._expert_bits)
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.load.eq(load),
                lane.first.eq(expert == 0),
                lane.logit.eq(logit),
                lane.expert.eq(expert),
                self.o.p.experts[i].eq(lane.experts),
                self.o.p.logits[i].eq(lane.logits),
            ]

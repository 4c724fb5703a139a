"""From a row-block of router logits to each token's choices, and the maximum and sum that their scores are made with.

Two integer specs on one stream: `vitaccel.reference.topk.TopK` and the statistics of
`vitaccel.reference.softmax.OnlineSoftmax`, over all experts of a row or over its k chosen ones, best first.
"""

from amaranth.hdl import Array as Choice
from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.credit_queue import CreditQueue
from vitaccel_rtl.exp2 import NUMERATOR_BITS, check_powers, whole_bits
from vitaccel_rtl.formats import LOGIT_BITS
from vitaccel_rtl.softmax import SoftmaxStatistics
from vitaccel_rtl.stream import check_range, lane_word
from vitaccel_rtl.topk import TopK


def choice_shapes(*, experts, fraction_bits):
    """Return the shapes of what belongs to a choice: its ``expert`` and ``logit``, the row's ``m`` and ``total``."""
    return {
        "expert": unsigned(max((experts - 1).bit_length(), 1)),
        "logit": signed(LOGIT_BITS),
        "m": signed(whole_bits(fraction_bits)),
        "total": unsigned(max((experts << NUMERATOR_BITS - 1).bit_length(), NUMERATOR_BITS)),
    }


def row_choices_layout(*, lanes, experts, k, fraction_bits):
    """Layout of the choices of a row-block: ``experts`` and ``logits`` (k a lane, best first), ``m``, ``total``."""
    shapes = choice_shapes(experts=experts, fraction_bits=fraction_bits)
    return data.StructLayout(
        {
            "experts": data.ArrayLayout(data.ArrayLayout(shapes["expert"], k), lanes),
            "logits": data.ArrayLayout(data.ArrayLayout(shapes["logit"], k), lanes),
            "m": data.ArrayLayout(shapes["m"], lanes),
            "total": data.ArrayLayout(shapes["total"], lanes),
        }
    )


def row_job_layout(*, row_blocks, k):
    """Layout of a job of :class:`RowChoices`."""
    return data.StructLayout({"row_blocks": range(row_blocks + 1), "k": range(k + 1), "over_chosen": 1})


class RowChoices(wiring.Component):
    """P top-k lanes and P lanes of softmax statistics: a word of logits a cycle in, a word a row-block out.

    A row is streamed once. Over all experts, both read it as it comes. Over the chosen experts, the k logits that top-k
    found are then sent through the statistics, best first, row after row.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    experts
        Words of the longest row, 1 to 256.
    k
        Most choices of a token, 1 to *experts* and 16 at most.
    row_blocks
        Of a job at most, 1 to 16384.
    fraction_bits, table
        Of :class:`vitaccel_rtl.exp2.Exp2`.

    Attributes
    ----------
    job : stream
        ``row_blocks`` (1 or more), ``k`` (1 to *k*), ``over_chosen`` (the softmax is over the chosen experts). Taken
        when the rows of the job before are gone.
    i : stream
        ``lanes`` (logits, int16), ``last``: the last expert of the row. Rows have k experts or more. None is taken
        but those of a job.
    o : stream
        Layout of :func:`row_choices_layout`.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, experts, k, row_blocks, fraction_bits, table):
        check_range("lanes of a router", lanes, 1, 256)
        check_range("experts of a router", experts, 1, 256)
        check_range("k of a router", k, 1, min(experts, 16))
        check_range("row_blocks of a router", row_blocks, 1, 1 << 14)
        check_powers(fraction_bits, table)
        self._lanes, self._experts, self._k = lanes, experts, k
        self._powers = {"fraction_bits": fraction_bits, "table": table}
        shapes = choice_shapes(experts=experts, fraction_bits=fraction_bits)
        self._sum_bits = shapes["total"].width
        job = row_job_layout(row_blocks=row_blocks, k=k)
        out = row_choices_layout(lanes=lanes, experts=experts, k=k, fraction_bits=fraction_bits)
        super().__init__(
            {
                "job": In(stream.Signature(job)),
                "i": In(stream.Signature(lane_word(lanes, signed(LOGIT_BITS)))),
                "o": Out(stream.Signature(out)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.best = best = TopK(lanes=self._lanes, experts=self._experts, k=self._k)
        m.submodules.statistics = statistics = SoftmaxStatistics(
            lanes=self._lanes, **self._powers, sum_bits=self._sum_bits
        )
        # As many rows as may be on their way through the longer of both.
        places = statistics.latency_cycles + 2
        ranked, may_rank = _never_stall(m, "ranked", best, places)
        summed, may_sum = _never_stall(m, "summed", statistics, places)
        job, open_rows = self._count_rows(m)
        self._steer(m, job, open_rows, (best.i, may_rank), (statistics.i, may_sum), ranked)
        m.d.comb += [
            self.o.valid.eq(ranked.valid & summed.valid),
            ranked.ready.eq(summed.valid & self.o.ready),
            summed.ready.eq(ranked.valid & self.o.ready),
            self.o.p.experts.eq(ranked.p.experts),
            self.o.p.logits.eq(ranked.p.logits),
            self.o.p.m.eq(summed.p.m),
            self.o.p.total.eq(summed.p.total),
        ]
        return m

    def _count_rows(self, m):
        """Keep the job, and count its rows in and out. Returns the job and whether a row is still to come."""
        job = Signal.like(self.job.p, name="kept_job", reset_less=True)
        to_come = Signal.like(self.job.p.row_blocks, name="rows_to_come")
        to_leave = Signal.like(self.job.p.row_blocks, name="rows_to_leave")
        # Registers of their own: on them depends whether a word is taken.
        idle, is_open = Signal(init=1), Signal()
        m.d.comb += self.job.ready.eq(idle)
        with m.If(self.i.valid & self.i.ready & self.i.p.last):
            m.d.sync += [to_come.eq(to_come - 1), is_open.eq(to_come != 1)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [to_leave.eq(to_leave - 1), idle.eq(to_leave == 1)]
        with m.If(self.job.valid & idle):
            m.d.sync += [job.eq(self.job.p), to_come.eq(self.job.p.row_blocks), to_leave.eq(self.job.p.row_blocks)]
            m.d.sync += [is_open.eq(1), idle.eq(0)]
        return job, is_open

    def _steer(self, m, job, open_rows, ranking, summing, ranked):
        """A row goes to top-k, and to the statistics: itself, or what was chosen of it, which is *ranked*."""
        (to_rank, may_rank), (to_sum, may_sum) = ranking, summing
        rank, rank_next = Signal(range(self._k)), Signal(range(self._k))
        sent, is_last = Signal(), Signal()
        over_chosen = Signal()
        m.d.sync += rank.eq(rank_next)
        m.d.comb += over_chosen.eq(Mux(self.job.valid & self.job.ready, self.job.p.over_chosen, job.over_chosen))
        for lane, logits in enumerate(ranked.p.logits):
            m.submodules[f"summed_row_{lane}"] = summed = SummedLogit(k=self._k)
            m.d.comb += [
                summed.logit.eq(self.i.p.lanes[lane]),
                summed.chosen.eq(logits),
                summed.rank.eq(rank_next),
                summed.over_chosen.eq(over_chosen),
                to_sum.p.lanes[lane].eq(summed.o),
            ]
        m.d.comb += [
            is_last.eq(rank + 1 == job.k),
            to_sum.p.last.eq(Mux(job.over_chosen, is_last, self.i.p.last)),
            to_rank.p.eq(self.i.p),
            self.i.ready.eq(open_rows & may_rank & (job.over_chosen | may_sum)),
            to_rank.valid.eq(self.i.valid & self.i.ready),
            to_sum.valid.eq(Mux(job.over_chosen, ranked.valid & ~sent & may_sum, self.i.valid & self.i.ready)),
        ]
        m.d.comb += rank_next.eq(rank)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += sent.eq(0)
            m.d.comb += rank_next.eq(0)
        with m.Elif(job.over_chosen & to_sum.valid):
            m.d.sync += sent.eq(is_last)
            m.d.comb += rank_next.eq(rank + 1)


class SummedLogit(wiring.Component):
    """The logit of one lane that its statistics take: the one that comes, or one that was chosen.

    Which one it is, every lane keeps in registers of its own (a component of its own, as the rows of the array are): as
    registers of all lanes they would have to reach hundreds of bits before anything is made of those.

    Parameters
    ----------
    k
        Choices of a row.

    Ports
    -----
    logit, chosen : in
        The logit that comes, and the k of the row that was ranked.
    rank, over_chosen : in
        Of the next cycle: which choice, and whether it is one.
    o : out
        The logit.
    """

    def __init__(self, *, k):
        self._k = k
        chosen = data.ArrayLayout(signed(LOGIT_BITS), k)
        super().__init__(
            {
                "logit": In(signed(LOGIT_BITS)),
                "chosen": In(chosen),
                "rank": In(range(k)),
                "over_chosen": In(1),
                "o": Out(signed(LOGIT_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        kept_rank, is_chosen = Signal.like(self.rank), Signal()
        m.d.sync += [kept_rank.eq(self.rank), is_chosen.eq(self.over_chosen)]
        chosen = Choice(self.chosen[n] for n in range(self._k))[kept_rank]
        m.d.comb += self.o.eq(Mux(is_chosen, chosen, self.logit))
        return m


def _never_stall(m, name, lanes, places):
    """Let nothing hold up the lanes' registers: a row sets out when its result has a place in a queue.

    Returns the stream of results, and whether a word may enter; it must not be offered before.
    """
    m.submodules[name] = queue = CreditQueue(lanes.o.payload.shape(), depth=places)
    in_row, may_enter = Signal(name=f"{name}_in_row"), Signal(name=f"may_be_{name}")
    m.d.comb += [
        may_enter.eq(in_row | queue.has_place),
        queue.reserve.eq(lanes.i.valid & ~in_row),
        lanes.o.ready.eq(1),
        queue.arrives.eq(lanes.o.valid),
        queue.word.eq(lanes.o.p),
    ]
    with m.If(lanes.i.valid):
        m.d.sync += in_row.eq(~lanes.i.p.last)
    return queue.o, may_enter

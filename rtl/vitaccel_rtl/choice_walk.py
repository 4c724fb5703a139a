"""The choices of row-blocks one by one: tokens in order, of a token the best first, lanes without a token left out."""

from amaranth.hdl import Array as Choice
from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.row_choices import choice_shapes, row_choices_layout
from vitaccel_rtl.stream import check_range

ENDS = {"ends_token": 1, "ends_row_block": 1, "last": 1}
"""Of a choice: it is the last of its token, of its row-block, of the job."""


def choice_layout(*, experts, fraction_bits):
    """Layout of a choice: ``expert``, ``logit``, ``m`` and ``total`` of its row, and what it ends."""
    return data.StructLayout({**choice_shapes(experts=experts, fraction_bits=fraction_bits), **ENDS})


def walk_job_layout(*, tokens, k):
    """Layout of a job of :class:`ChoiceWalk`."""
    count = range(tokens + 1)
    return data.StructLayout({"tokens": count, "frame_tokens": count, "k": range(k + 1)})


class ChoiceWalk(wiring.Component):
    """Takes a row-block, and gives its choices, one a cycle.

    Every frame starts with a row-block of its own, so the last row-block of a frame has lanes without a token.

    Parameters
    ----------
    lanes, experts, k, tokens, fraction_bits
        Of :class:`vitaccel_rtl.row_choices.RowChoices`.

    Attributes
    ----------
    job : stream
        ``tokens`` (1 to *tokens*), ``frame_tokens`` (tokens of one frame; where the job is a part of a frame, those of
        the job), ``k`` (1 to *k*). Taken when the last choice of the job before is gone.
    i : stream
        Row-blocks, of the layout of :func:`vitaccel_rtl.row_choices.row_choices_layout`.
    o : stream
        Choices, of the layout of :func:`choice_layout`. A row-block of v tokens gives ``v * k``, the first of them a
        cycle after it is accepted; the next row-block is accepted with its last.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, experts, k, tokens, fraction_bits):
        check_range("lanes of a router", lanes, 1, 256)
        check_range("experts of a router", experts, 1, 256)
        check_range("k of a router", k, 1, min(experts, 16))
        check_range("tokens of a router", tokens, 1, 1 << 14)
        self._lanes, self._k = lanes, k
        job = walk_job_layout(tokens=tokens, k=k)
        rows = row_choices_layout(lanes=lanes, experts=experts, k=k, fraction_bits=fraction_bits)
        choice = choice_layout(experts=experts, fraction_bits=fraction_bits)
        super().__init__(
            {
                "job": In(stream.Signature(job)),
                "i": In(stream.Signature(rows)),
                "o": Out(stream.Signature(choice)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        active, full = Signal(), Signal()
        step, moves, starts = Signal(), Signal(), Signal()
        job = Signal.like(self.job.p, name="kept_job", reset_less=True)
        m.d.comb += [
            self.job.ready.eq(~active),
            starts.eq(self.job.valid & self.job.ready),
            step.eq(full & self.o.ready),
            moves.eq(step & self.o.p.ends_token),
            self.o.valid.eq(full),
            self.i.ready.eq(active & (~full | (step & self.o.p.ends_row_block & ~self.o.p.last))),
        ]
        with m.If(starts):
            m.d.sync += [job.eq(self.job.p), active.eq(1)]
        with m.If(step & self.o.p.ends_row_block & self.o.p.last):
            m.d.sync += active.eq(0)
        full_next = (self.i.valid & self.i.ready) | (full & ~(step & self.o.p.ends_row_block))
        m.d.sync += full.eq(full_next)
        rank, ends_token_next = self._count_ranks(m, job, starts, step)
        ends_block_next = self._count_tokens(m, job, starts, moves)
        # Whether tokens may move and a row-block be loaded: registers of their own, for hundreds of others wait.
        # While a job begins there is no row-block, and both hold whatever it begins with.
        empty, may_move, takes = (Signal(name=name, init=1) for name in ("empty", "may_move", "takes"))
        m.d.sync += [
            empty.eq(~full_next),
            may_move.eq(~full_next | ends_token_next),
            takes.eq(~full_next | ends_block_next),
        ]
        self._hold_tokens(m, rank, takes, empty | (may_move & self.o.ready))
        return m

    def _count_ranks(self, m, job, starts, step):
        """Say which choice of a token it is, and whether it is the last: found a choice ahead.

        Returns the rank, and whether the choice of the next cycle is its token's last.
        """
        rank, after = Signal(range(self._k), reset_less=True), Signal(range(self._k))
        ends_token = Signal(reset_less=True)
        m.d.comb += [after.eq(Mux(ends_token, 0, rank + 1)), self.o.p.ends_token.eq(ends_token)]
        with m.If(starts):
            m.d.sync += [rank.eq(0), ends_token.eq(self.job.p.k == 1)]
        with m.Elif(step):
            m.d.sync += [rank.eq(after), ends_token.eq(after + 1 == job.k)]
        return rank, Mux(step, after + 1 == job.k, ends_token)

    def _count_tokens(self, m, job, starts, moves):
        """Say where the row-block and the job end: after the last lane, the last token of a frame, the last token.

        Returns whether the token of the next cycle is the last of its row-block.
        """
        left = Signal.like(job.tokens, name="left", reset_less=True)
        frame_left = Signal.like(job.tokens, name="frame_left", reset_less=True)
        lane = Signal(range(self._lanes), reset_less=True)
        ends_block, ends_job = Signal(reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            self.o.p.last.eq(self.o.p.ends_token & ends_job),
            self.o.p.ends_row_block.eq(self.o.p.ends_token & ends_block),
        ]
        # What the next token ends is found a token ahead, from counts as they are: on it depends whether a whole
        # row-block is loaded.
        first, ends_frame = self.job.p, frame_left == 1
        job_ends = left == 2
        frame_ends = Mux(ends_frame, job.frame_tokens == 1, frame_left == 2)
        lane_ends = ~ends_block & (lane == self._lanes - 2) if self._lanes > 1 else Const(1)
        with m.If(starts):
            m.d.sync += [
                left.eq(first.tokens),
                frame_left.eq(first.frame_tokens),
                lane.eq(0),
                ends_job.eq(first.tokens == 1),
                ends_block.eq((first.tokens == 1) | (first.frame_tokens == 1) | (self._lanes == 1)),
            ]
        with m.Elif(moves):
            m.d.sync += [
                left.eq(left - 1),
                frame_left.eq(Mux(ends_frame, job.frame_tokens, frame_left - 1)),
                lane.eq(Mux(ends_block, 0, lane + 1)),
                ends_job.eq(job_ends),
                ends_block.eq(job_ends | frame_ends | lane_ends),
            ]
        return Mux(moves, job_ends | frame_ends | lane_ends, ends_block)

    def _hold_tokens(self, m, rank, takes, moves):
        """Hold the row-block with the token of this moment in lane 0; the others move up.

        A row-block is taken as soon as the one before is not needed, and again until one is there: so neither the
        choice nor the enable of all these registers waits for what comes. What moves into the last lane is no token,
        so that lane loads what is offered whether it is taken or not.
        """
        rows = Signal.like(self.i.p, name="rows", reset_less=True)
        with m.If(moves):
            m.d.sync += rows.eq(self.i.p)
            with m.If(~takes):
                for field in ("experts", "logits", "m", "total"):
                    m.d.sync += [rows[field][lane].eq(rows[field][lane + 1]) for lane in range(self._lanes - 1)]
        m.d.comb += [
            self.o.p.expert.eq(Choice(rows.experts[0][n] for n in range(self._k))[rank]),
            self.o.p.logit.eq(Choice(rows.logits[0][n] for n in range(self._k))[rank]),
            self.o.p.m.eq(rows.m[0]),
            self.o.p.total.eq(rows.total[0]),
        ]

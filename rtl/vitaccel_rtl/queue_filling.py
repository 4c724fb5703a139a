"""How expert queues are filled: one choice a cycle, in the order in which tokens come."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.choice_score import scored_layout


class QueueFilling(wiring.Component):
    """Counts choices into tokens and rows, and says what is appended to which queue.

    Parameters
    ----------
    shape
        :class:`vitaccel_rtl.queue_memory.QueueShape`.
    lanes
        P, rows of a row-block.

    Attributes
    ----------
    job : stream
        ``capacity`` (entries that a queue holds; 0 for all), ``by_choice`` (all first choices come before any second).
    i : stream
        Choices, of the layout of :func:`vitaccel_rtl.choice_score.scored_layout`, token after token.
    free : Signal, in
        A job may begin, if none is being queued.
    forget, limit, by_rank, add, add_expert, add_rank, add_list, add_token, add_entry : Signal, out
        Of :class:`vitaccel_rtl.queue_memory.QueueMemory`; queues are forgotten in the cycle after the acceptance of a
        job, and an entry is appended in the cycle after that of its choice.
    done : Signal, out
        High in the cycle after that of the last entry of a job, in which it gets into the memory.
    """

    def __init__(self, shape, *, lanes):
        self._shape = shape
        self._lanes = lanes
        super().__init__(
            {
                "job": In(stream.Signature(shape.job)),
                "i": In(stream.Signature(scored_layout(experts=shape.experts))),
                "free": In(1),
                "forget": Out(1),
                "limit": Out(shape.length),
                "by_rank": Out(1),
                "add": Out(1),
                "add_expert": Out(shape.expert),
                "add_rank": Out(shape.rank),
                "add_list": Out(range(shape.lists)),
                "add_token": Out(shape.token),
                "add_entry": Out(shape.stored),
                "done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        active, accepted, begins, ends = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            self.job.ready.eq(~active & ~ends & ~self.done & self.free),
            begins.eq(self.job.valid & self.job.ready),
            self.i.ready.eq(active),
            accepted.eq(active & self.i.valid),
        ]
        m.d.sync += self.forget.eq(begins)
        with m.If(begins):
            # Without a capacity the limit is a length that no queue can pass.
            unlimited = (1 << len(self.limit)) - 1
            limit = Mux(self.job.p.capacity.any(), self.job.p.capacity, unlimited)
            m.d.sync += [active.eq(1), self.limit.eq(limit), self.by_rank.eq(self.job.p.by_choice)]
        with m.Elif(accepted & self.i.p.last):
            m.d.sync += active.eq(0)
        m.d.sync += [self.add.eq(accepted), ends.eq(accepted & self.i.p.last), self.done.eq(ends)]
        self._place(m, begins, accepted)
        return m

    def _place(self, m, begins, accepted):
        """Number ranks, tokens and rows; a row-block begins at a multiple of P."""
        choice = self.i.p
        rank, token = Signal(self._shape.rank), Signal(self._shape.token, reset_less=True)
        row, next_block = Signal(self._shape.row, reset_less=True), Signal(self._shape.row, reset_less=True)
        with m.If(begins):
            m.d.sync += [rank.eq(0), token.eq(0), row.eq(0), next_block.eq(self._lanes)]
        with m.Elif(accepted):
            m.d.sync += rank.eq(Mux(choice.ends_token, 0, rank + 1))
            with m.If(choice.ends_token):
                m.d.sync += [token.eq(token + 1), row.eq(row + 1)]
            with m.If(choice.ends_row_block):
                m.d.sync += [row.eq(next_block), next_block.eq(next_block + self._lanes)]
        m.d.sync += [
            self.add_expert.eq(choice.expert),
            self.add_rank.eq(rank),
            self.add_list.eq(self._shape.list_of(choice.expert, rank, self.by_rank)),
            self.add_token.eq(token),
            self.add_entry.row.eq(row),
            self.add_entry.score.eq(choice.score),
        ]

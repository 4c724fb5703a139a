"""How expert queues are read: the length first, then the entries, one a cycle."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.stream import Stages

WALK_STAGES = 2
"""From an address to its entry: the memory, and the register behind it."""


class QueueReading(wiring.Component):
    """Answers requests one after another.

    Parameters
    ----------
    shape
        :class:`vitaccel_rtl.queue_memory.QueueShape`.

    Attributes
    ----------
    request, answer, entry : stream
        Of :class:`vitaccel_rtl.queues.ExpertQueues`.
    ready : Signal, in
        Queues and their order are complete.
    idle : Signal, out
        No request is being answered; one may be accepted.
    ordered : Signal, in
        Experts by length.
    expert, rank, length, count, queued, listed, heads, walk, address, link, stored
        Of :class:`vitaccel_rtl.queue_memory.QueueMemory`.
    """

    def __init__(self, shape):
        self._shape = shape
        super().__init__(
            {
                "request": In(stream.Signature(shape.request)),
                "answer": Out(stream.Signature(shape.answer)),
                "entry": Out(stream.Signature(shape.entry)),
                "ready": In(1),
                "idle": Out(1),
                "ordered": In(data.ArrayLayout(shape.expert, shape.experts)),
                "expert": Out(shape.expert),
                "rank": Out(shape.rank),
                "length": In(shape.length),
                "count": In(shape.length),
                "queued": In(1),
                "listed": In(1),
                "heads": In(data.ArrayLayout(shape.address, 2)),
                "walk": Out(1),
                "address": Out(shape.address),
                "link": In(shape.address),
                "stored": In(shape.stored),
            }
        )

    def elaborate(self, platform):
        m = Module()
        left = Signal(self._shape.length, reset_less=True)  # entries of the queue that are still to be read
        in_list = Signal(self._shape.length, reset_less=True)  # of these, in this list, or more
        begin, issue = Signal(), Signal()
        asked = Signal.like(self.request.p, name="asked", reset_less=True)
        expert = Signal.like(self.expert, name="kept_expert", reset_less=True)
        rank = Signal.like(self.rank, name="kept_rank", reset_less=True)
        m.d.comb += [self.expert.eq(expert), self.rank.eq(rank), self.request.ready.eq(0)]
        with m.If(self.answer.valid & self.answer.ready):
            m.d.sync += self.answer.valid.eq(0)
        with m.FSM(name="reading"):
            with m.State("IDLE"):
                m.d.comb += [
                    self.request.ready.eq(self.ready & ~self.answer.valid),
                    self.idle.eq(1),
                ]
                m.d.sync += asked.eq(self.request.p)
                with m.If(self.request.valid & self.request.ready):
                    m.next = "SELECT"
            with m.State("SELECT"):
                by_length = Value.cast(self.ordered).word_select(asked.place, self._shape.expert.width)
                m.d.sync += [expert.eq(Mux(asked.by_length, by_length, asked.place)), rank.eq(0)]
                m.next = "LOOK"
            with m.State("LOOK"):
                m.next = "READ"
            with m.State("READ"):
                m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.sync += [
                    left.eq(self.length),
                    self.answer.valid.eq(1),
                    self.answer.p.expert.eq(expert),
                    self.answer.p.length.eq(self.length),
                ]
                m.next = "IDLE"
                with m.If(asked.entries & self.queued):
                    self._open_list(m, begin, in_list, rank)
            with m.State("SKIP"):
                m.next = "LIST"
            with m.State("LIST"):
                self._open_list(m, begin, in_list, rank)
            with m.State("WALK"), m.If(self.walk):
                m.d.comb += issue.eq(1)
                m.d.sync += [left.eq(left - 1), in_list.eq(in_list - 1)]
                with m.If(left == 1):
                    m.next = "IDLE"
                with m.Elif(in_list == 1):
                    m.next = "LIST"
        self._walk(m, begin, issue, left == 1)
        return m

    def _open_list(self, m, begin, in_list, rank):
        """Walk the list that is shown, if it has entries, and have that of the next rank looked up meanwhile."""
        m.d.comb += [begin.eq(1), self.rank.eq(rank + 1)]
        m.d.sync += [in_list.eq(self.count), rank.eq(rank + 1)]
        with m.If(self.listed):
            m.next = "WALK"
        with m.Else():
            m.next = "SKIP"

    def _walk(self, m, begin, issue, is_last):
        """Two heads, then what the entries link to; memory and registers advance together."""
        heads = Signal.like(self.heads, name="kept_heads", reset_less=True)
        heads_left = Signal(2, reset_less=True)
        with m.If(begin):
            m.d.sync += [heads.eq(self.heads), heads_left.eq(0b11)]
        with m.Elif(issue):
            m.d.sync += [heads[0].eq(heads[1]), heads_left.eq(heads_left >> 1)]
        advance = self.walk
        m.d.comb += [
            advance.eq(~self.entry.valid | self.entry.ready),
            self.address.eq(Mux(heads_left[0], heads[0], self.link)),
        ]
        stages = Stages(m, advance)
        token = self.address[: self._shape.token_bits]
        m.d.comb += [
            self.entry.valid.eq(stages.flags(issue, WALK_STAGES, name="walked")[-1]),
            self.entry.p.last.eq(stages.delay(is_last, WALK_STAGES, name="last")),
            self.entry.p.token.eq(stages.delay(token, WALK_STAGES, name="token")),
            self.entry.p.row.eq(self.stored.row),
            self.entry.p.score.eq(self.stored.score),
        ]

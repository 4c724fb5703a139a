"""Expert queues: which tokens go to which expert, with what scores.

The integers of `vitaccel.reference.topk.ExpertQueues`.
"""

from amaranth.hdl import Module, Mux
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from vitaccel_rtl import latency
from vitaccel_rtl.choice_score import scored_layout
from vitaccel_rtl.queue_filling import QueueFilling
from vitaccel_rtl.queue_memory import QueueMemory, QueueShape
from vitaccel_rtl.queue_order import QueueOrder
from vitaccel_rtl.queue_reading import QueueReading
from vitaccel_rtl.stream import check_range


class ExpertQueues(wiring.Component):
    """Queues of all experts, filled one choice a cycle and read one entry a cycle.

    Parameters
    ----------
    lanes
        P, 1 to 256: rows of a row-block.
    row_blocks
        Of a job at most, 1 to 16384.
    tokens
        Of a job at most, 1 to P times *row_blocks* and 16384 at most.
    experts
        1 to 256.
    k
        Most choices of a token, 1 to *experts* and 16 at most.

    Attributes
    ----------
    job : stream
        ``capacity`` (entries that a queue holds, 0 for all), ``by_choice`` (drop order `choice`: all first choices come
        before any second; else a token comes with all its choices). Taken when the choices of the job before are
        queued and no request is being answered, before a request that is offered. The cycle after, its choices are
        taken, and nothing is left of the job before.
    i : stream
        Choices, of the layout of :func:`vitaccel_rtl.choice_score.scored_layout`, token after token, best first. One a
        cycle.
    request : stream
        ``place`` (below *experts*), ``by_length`` (it is a rank in order of length, the longest first and of equal ones
        that of the lower expert; else it is an expert), ``entries`` (they are asked for, not only the length).
        Requests wait until the queues are ready.
    answer : stream
        ``expert``, ``length``: one for every request. The next request waits until it is taken.
    entry : stream
        ``token`` (of the job, from 0), ``row`` (its place where every frame starts a row-block), ``score``, ``last``:
        the entries of a queue, if they were asked for. Of an empty queue there are none.
    ready : Signal, out
        The queues of the last job are complete.

    Timing
    ------
    Queues are ready ``latency.queues_ready(experts)`` cycles after the last choice is accepted. An answer is offered
    ``latency.QUEUE_ANSWER`` cycles after its request is accepted, the first entry ``latency.QUEUE_ENTRY`` cycles after,
    and then one a cycle. In drop order `choice` a cycle is lost before the entries of each rank after the first, and
    two for a rank that has none.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    depends_on_when = True
    """A request is answered by the queues of the job before it."""

    def __init__(self, *, lanes, row_blocks, tokens, experts, k):
        check_range("lanes of queues", lanes, 1, 256)
        check_range("row_blocks of queues", row_blocks, 1, 1 << 14)
        check_range("tokens of queues", tokens, 1, min(lanes * row_blocks, 1 << 14))
        self.shape = QueueShape(rows=lanes * row_blocks, tokens=tokens, experts=experts, k=k)
        self._lanes = lanes
        super().__init__(
            {
                "job": In(stream.Signature(self.shape.job)),
                "i": In(stream.Signature(scored_layout(experts=experts))),
                "request": In(stream.Signature(self.shape.request)),
                "answer": Out(stream.Signature(self.shape.answer)),
                "entry": Out(stream.Signature(self.shape.entry)),
                "ready": Out(1),
            }
        )

    @property
    def memory_bits(self):
        """Bits of all memories."""
        return self.shape.memory_bits

    @property
    def ready_cycles(self):
        """Cycles from accepting the last choice of a job to accepting a request."""
        return latency.queues_ready(self.shape.experts)

    @property
    def interval_cycles(self):
        """Cycles from accepting a choice of a job to accepting the next."""
        return latency.WORD_INTERVAL

    @property
    def entry_interval_cycles(self):
        """Cycles from offering an entry of a queue to offering the next of its rank, while they are taken at once."""
        return latency.WORD_INTERVAL

    def elaborate(self, platform):
        m = Module()
        m.submodules.filling = filling = QueueFilling(self.shape, lanes=self._lanes)
        m.submodules.memory = memory = QueueMemory(self.shape)
        m.submodules.order = order = QueueOrder(self.shape)
        m.submodules.reading = reading = QueueReading(self.shape)
        connect(m, flipped(self.job), filling.job)
        connect(m, flipped(self.i), filling.i)
        connect(m, flipped(self.request), reading.request)
        connect(m, reading.answer, flipped(self.answer))
        connect(m, reading.entry, flipped(self.entry))
        for name in (
            "forget",
            "limit",
            "by_rank",
            "add",
            "add_expert",
            "add_rank",
            "add_list",
            "add_token",
            "add_entry",
        ):
            m.d.comb += getattr(memory, name).eq(getattr(filling, name))
        for name in ("rank", "walk", "address"):
            m.d.comb += getattr(memory, name).eq(getattr(reading, name))
        for name in ("length", "count", "queued", "listed", "heads", "link"):
            m.d.comb += getattr(reading, name).eq(getattr(memory, name))
        m.d.comb += [
            filling.free.eq(~order.running & ~filling.done & reading.idle),
            order.forget.eq(filling.forget),
            order.start.eq(filling.done),
            order.length.eq(memory.length),
            memory.expert.eq(Mux(order.running, order.expert, reading.expert)),
            # A job comes before a request, so that neither waits for the other's ready.
            reading.ready.eq(self.ready & ~self.job.valid),
            reading.ordered.eq(order.experts),
            reading.stored.eq(memory.entry),
            self.ready.eq(order.ready & ~filling.forget),
        ]
        return m

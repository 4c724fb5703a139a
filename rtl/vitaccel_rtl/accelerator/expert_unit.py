"""The experts' part of the vector engine: route, gather and scatter-add, one instruction at a time."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import BYTE
from vitaccel_rtl.accelerator.decode import RAW, decoded, instruction_layout
from vitaccel_rtl.accelerator.entry_places import ROW, divided
from vitaccel_rtl.accelerator.expert_gather import ExpertGather
from vitaccel_rtl.accelerator.expert_logits import ExpertLogits
from vitaccel_rtl.accelerator.expert_ports import FETCH
from vitaccel_rtl.accelerator.expert_scatter import ExpertScatter
from vitaccel_rtl.accelerator.isa import (
    COUNT,
    GATHER,
    MOST_CHOICES,
    MOST_EXPERTS,
    MOST_TOKENS,
    OPERATION,
    ROUTE,
    SCATTER_ADD,
)
from vitaccel_rtl.accelerator.parameter_set import PARAMETER_SET
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.run_reader import RunReader
from vitaccel_rtl.accelerator.run_writer import RunWriter
from vitaccel_rtl.accelerator.set_memory import set_run
from vitaccel_rtl.accelerator.slot_buffer import PHASE, read_client, write_client
from vitaccel_rtl.expert_router import ExpertRouter

READ_CLIENTS, WRITE_CLIENTS = (3, 4), (2, 3)
"""Low and high bytes: clients of the lanes, which are at rest meanwhile."""

OPERATIONS = (ROUTE, GATHER, SCATTER_ADD)

OF_NAME = {operation.name: operation for operation in OPERATIONS}

KEPT_BITS = 32 * (1 + max(placed.word for operation in OPERATIONS for placed in operation.places))
"""Of an instruction, those that any of these reads."""


class ExpertUnit(wiring.Component):
    """Runs :data:`~vitaccel_rtl.accelerator.isa.ROUTE`, ``GATHER`` and ``SCATTER_ADD``.

    How long they take depends on the lengths of the queues and on nothing else.

    Parameters
    ----------
    side
        P.
    words, sets
        Of a part of the activation buffer, and of the parameter buffer.
    parts
        Of the activation buffer, one an array.
    router
        ``fraction_bits``, ``table`` and ``reciprocal`` of :class:`vitaccel_rtl.expert_router.ExpertRouter`.

    Attributes
    ----------
    phase : Signal, in
        Of the buffer.
    i : stream
        Instructions; ready in cycles of phase 0 only.
    busy : Signal, out
        One is under way.
    done : Signal, out
        A pulse for each instruction, ``DONE_TO_START`` cycles or more before what waits for it may start.
    reads, writes : arrays of clients, out
        Of the activation buffer: :data:`READ_CLIENTS`, :data:`WRITE_CLIENTS`.
    sets : run, out
        Of the parameter buffer.
    queue_write, queue_slot, queue_blocks : Signal, out
        Row-blocks of the queue of each slot, before a route is done.
    """

    def __init__(self, *, side, words, sets, router, parts=1):
        self._side = side
        self._parts = Parts(count=parts, words=words)
        self._words = self._parts.words_of_all
        self._router = ExpertRouter(
            lanes=side,
            row_blocks=-(-MOST_TOKENS // side),
            tokens=MOST_TOKENS,
            experts=MOST_EXPERTS,
            k=MOST_CHOICES,
            **router,
        )
        lines = self._words // latency.SLOTS
        super().__init__(
            {
                "phase": In(PHASE),
                "i": In(stream.Signature(RAW)),
                "busy": Out(1),
                "done": Out(1),
                "reads": Out(read_client(side, lines)).array(len(READ_CLIENTS)),
                "writes": Out(write_client(side, lines)).array(len(WRITE_CLIENTS)),
                "sets": Out(set_run(sets)),
                "queue_write": Out(1),
                "queue_slot": Out(range(MOST_EXPERTS)),
                "queue_blocks": Out(COUNT),
            }
        )

    def elaborate(self, platform):
        m = Module()
        kept, operation = Signal(KEPT_BITS, reset_less=True), Signal(OPERATION.bits, reset_less=True)
        accept = Signal()
        jobs = {known.name: Signal(instruction_layout(known), name=known.name) for known in OPERATIONS}
        m.d.comb += [job.as_value().eq(decoded(OF_NAME[name], kept)) for name, job in jobs.items()]
        m.d.comb += [accept.eq(self.i.valid & self.i.ready), self.i.ready.eq((self.phase == 0) & ~self.busy)]
        with m.If(self.done):
            m.d.sync += self.busy.eq(0)
        with m.If(accept):
            m.d.sync += [kept.eq(self.i.p.words), operation.eq(self.i.p.operation), self.busy.eq(1)]
        m.submodules.router = self._router
        m.submodules.gather = gather = ExpertGather(side=self._side, parts=self._parts)
        m.submodules.scatter = scatter = ExpertScatter(side=self._side, parts=self._parts)
        length = Signal(COUNT, reset_less=True)
        for part, name in ((gather, "gather"), (scatter, "scatter_add")):
            m.d.comb += [part.phase.eq(self.phase), part.job.eq(jobs[name]), part.length.eq(length)]
        is_route, is_scatter = (operation == ROUTE.code), (operation == SCATTER_ADD.code)
        begins_route = Signal()
        m.submodules.logits = logits = ExpertLogits(side=self._side, parts=self._parts)
        m.d.comb += [logits.phase.eq(self.phase), logits.job.eq(jobs["route"]), logits.start.eq(begins_route)]
        self._read(
            m,
            Mux(is_route, logits.fetch.as_value(), Mux(is_scatter, scatter.reads.fetch.as_value(), gather.reads.fetch)),
        )
        self._write(m, is_scatter, gather.writes, scatter.writes)
        for part in (gather, scatter):
            m.d.comb += [getattr(part.reads, name).eq(getattr(self, f"_{name}")) for name in ("valid", "low", "high")]
        self._fill(m, is_route, logits.ends)
        self._give_entries(m, is_scatter, gather, scatter)
        m.d.comb += [self.sets.address.eq(jobs["scatter_add"].sets), self.sets.count.eq(1)]
        with m.FSM(name="experts"):
            with m.State("IDLE"), m.If(accept):
                m.next = "ASK"
                with m.If(self.i.p.operation == ROUTE.code):
                    m.next = "JOB"
            self._route(m, jobs["route"], begins_route)
            self._walk_queue(m, jobs["gather"].expert, is_scatter, length, gather, scatter)
            with m.State("DONE"):
                m.d.comb += self.done.eq(1)
                m.next = "IDLE"
        return m

    def _read(self, m, chosen):
        """Read the runs of the part that is at work."""
        fetch = Signal(FETCH)
        m.d.comb += fetch.as_value().eq(chosen)
        readers = [RunReader(side=self._side, words=self._words, client=client) for client in READ_CLIENTS]
        m.submodules.low_reader, m.submodules.high_reader = low, high = readers
        for place, reader in enumerate(readers):
            wiring.connect(m, reader.memory, wiring.flipped(self.reads[place]))
            m.d.comb += [
                reader.phase.eq(self.phase),
                reader.start.eq((self.phase == 0) & (fetch.is_wide if place else 1)),
                reader.address.eq(fetch.high if place else fetch.low),
                reader.count.eq(fetch.count),
            ]
        self._valid, self._last, self._low, self._high = low.valid, low.last, low.word, high.word

    def _write(self, m, is_scatter, of_gather, of_scatter):
        """Write the run of the part that is at work; gathered tokens are int8."""
        writers = [RunWriter(side=self._side, words=self._words, client=client) for client in WRITE_CLIENTS]
        m.submodules.low_writer, m.submodules.high_writer = low, high = writers
        for place, writer in enumerate(writers):
            wiring.connect(m, writer.memory, wiring.flipped(self.writes[place]))
            m.d.comb += writer.phase.eq(self.phase)
        m.d.comb += [
            low.start.eq(Mux(is_scatter, of_scatter.start, of_gather.start)),
            low.address.eq(Mux(is_scatter, of_scatter.run.low, of_gather.run.low)),
            low.count.eq(Mux(is_scatter, of_scatter.run.count, of_gather.run.count)),
            low.word.eq(Mux(is_scatter, of_scatter.low, of_gather.low)),
            high.start.eq(is_scatter & of_scatter.start),
            high.address.eq(of_scatter.run.high),
            high.count.eq(of_scatter.run.count),
            high.word.eq(of_scatter.high),
        ]

    def _fill(self, m, is_route, ends):
        """Give the router its words, which it takes as they come."""
        words = self._router.i
        m.d.comb += [words.valid.eq(self._valid & is_route), words.p.last.eq(self._last & ends)]
        for lane, logit in enumerate(words.p.lanes):
            place = slice(BYTE * lane, BYTE * (lane + 1))
            m.d.comb += logit.eq(Cat(self._low[place], self._high[place]).as_signed())

    def _give_entries(self, m, is_scatter, gather, scatter):
        """Give entries to the part that is at work, and the set to the scatter-add."""
        entry = self._router.entry
        m.d.comb += [
            gather.entry.valid.eq(entry.valid & ~is_scatter),
            gather.entry.payload.eq(entry.p.token),
            scatter.entry.valid.eq(entry.valid & is_scatter),
            scatter.entry.p.row.eq(entry.p.row),
            scatter.entry.p.score.eq(entry.p.score),
            entry.ready.eq(Mux(is_scatter, scatter.entry.ready, gather.entry.ready)),
        ]
        found = data.View(PARAMETER_SET, self.sets.word)
        for name in ("multiplier", "shift"):
            kept = Signal.like(getattr(scatter, name), name=name, reset_less=True)
            m.d.comb += getattr(scatter, name).eq(kept)
            with m.If(self.sets.valid):
                m.d.sync += kept.eq(found[name])

    def _route(self, m, job, begins):
        """Give the router its job and its words; when its queues are there, tell the length of each, slot by slot."""
        router, slot = self._router, Signal(range(MOST_EXPERTS), reset_less=True)
        rounded = Signal(ROW, reset_less=True)
        fields = ("row_blocks", "tokens", "frame_tokens", "capacity", "by_choice", "over_chosen")
        m.d.comb += [router.job.p[name].eq(job[name]) for name in fields]
        m.d.comb += [
            router.job.p.k.eq(job.choices),
            router.answer.ready.eq(1),
            self.queue_slot.eq(slot),
            self.queue_blocks.eq(divided(m, rounded, self._side, name="blocks")),
        ]
        m.d.sync += rounded.eq(router.answer.p.length + (self._side - 1))
        with m.State("JOB"):
            m.d.comb += [router.job.valid.eq(1), begins.eq(router.job.ready)]
            m.d.sync += slot.eq(0)
            with m.If(router.job.ready):
                m.next = "STREAM"
        with m.State("STREAM"), m.If(router.ready):
            m.next = "COUNT"
        with m.State("COUNT"):
            m.d.comb += [router.request.valid.eq(1), router.request.p.place.eq(slot)]
            with m.If(router.request.ready):
                m.next = "COUNTED"
        with m.State("COUNTED"), m.If(router.answer.valid):
            m.next = "DIVIDE"
        with m.State("DIVIDE"):
            m.next = "TELL"
        with m.State("TELL"):
            m.d.comb += self.queue_write.eq(1)
            m.d.sync += slot.eq(slot + 1)
            m.next = "COUNT"
            with m.If(slot + 1 == job.experts):
                m.next = "DONE"

    def _walk_queue(self, m, expert, is_scatter, length, gather, scatter):
        """Look up a queue, and the set of a scatter-add; if there are entries, let the part go through them."""
        router = self._router
        starts, has_entries = Signal(), Signal()
        m.d.comb += [
            gather.start.eq(starts & ~is_scatter),
            scatter.start.eq(starts & is_scatter),
            has_entries.eq(length != 0),
        ]
        with m.State("ASK"):
            m.d.comb += [router.request.valid.eq(1), router.request.p.place.eq(expert), router.request.p.entries.eq(1)]
            with m.If(router.request.ready):
                m.d.comb += self.sets.start.eq(is_scatter)
                m.next = "ANSWER"
        with m.State("ANSWER"), m.If(router.answer.valid):
            m.d.sync += length.eq(router.answer.p.length)
            m.next = "START"
            with m.If(is_scatter):
                m.next = "SET"
        # Even without entries the run of the set must be over before another begins.
        with m.State("SET"), m.If(self.sets.valid):
            m.next = "START"
        with m.State("START"):
            m.next = "DONE"
            with m.If(has_entries):
                m.d.comb += starts.eq(1)
                m.next = "WALK"
        with m.State("WALK"), m.If(gather.finished | scatter.finished):
            m.next = "DONE"

"""Scatter-add on chip: the results of an expert, entry by entry, added to the lanes in which their tokens stand."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import BYTE
from vitaccel_rtl.accelerator.decode import instruction_layout
from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.accelerator.entry_places import ENTRY, PLACED, EntryPlaces
from vitaccel_rtl.accelerator.expert_pace import SUM
from vitaccel_rtl.accelerator.expert_ports import FETCH, expert_reads, expert_writes
from vitaccel_rtl.accelerator.expert_times import TO_DONE
from vitaccel_rtl.accelerator.frame_delay import FrameDelay
from vitaccel_rtl.accelerator.isa import COUNT, FRAMES, SCATTER_ADD, WORD_ADDRESS
from vitaccel_rtl.accelerator.lane_words import LANE_NUMBER
from vitaccel_rtl.accelerator.part_walk import PartWalk
from vitaccel_rtl.accelerator.slot_buffer import PHASE
from vitaccel_rtl.accelerator.word_delay import WordDelay
from vitaccel_rtl.fixed_point import FACTOR_BITS, saturate
from vitaccel_rtl.gate_factors import GATE_FACTOR_BITS
from vitaccel_rtl.requantize import SHIFT_BITS
from vitaccel_rtl.weigh import RESULT_BITS, WeighLane

LANE = data.StructLayout({"lane": LANE_NUMBER, "factor": signed(GATE_FACTOR_BITS)})

TARGET = data.StructLayout({"lane": LANE_NUMBER, "fetch": FETCH, "ends": 1})


class ExpertScatter(wiring.Component):
    """Adds one entry after another, eight channels in two frames: results in the first, sums in the second.

    A word of sums is in the buffer again, with the entry's lane replaced, before the next entry reads it, which may be
    of the same row-block; and a result is weighed on one multiplier meanwhile.

    Parameters
    ----------
    side
        P.
    parts
        Of the buffer, :class:`~vitaccel_rtl.accelerator.parts.Parts`: tiles stand in them by turns.

    Attributes
    ----------
    phase : Signal, in
        Of the buffer.
    start, job, length, multiplier, shift : in
        A pulse; the instruction, the entries of its queue, 1 or more, and its set, which hold until *finished*.
    entry : stream
        :data:`~vitaccel_rtl.accelerator.entry_places.ENTRY`: the entries of the queue.
    reads, writes : out
        Of :mod:`~vitaccel_rtl.accelerator.expert_ports`.
    finished : Signal, out
        A pulse when the instruction is done.
    """

    def __init__(self, *, side, parts):
        self._side = side
        self._places = PartWalk(parts=parts, side=side)
        super().__init__(
            {
                "phase": In(PHASE),
                "start": In(1),
                "job": In(instruction_layout(SCATTER_ADD)),
                "length": In(COUNT),
                "multiplier": In(signed(FACTOR_BITS)),
                "shift": In(SHIFT_BITS),
                "entry": In(stream.Signature(ENTRY)),
                "reads": Out(expert_reads(side)),
                "writes": Out(expert_writes(side)),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        job = self.job
        m.submodules.places = places = EntryPlaces(side=self._side)
        wiring.connect(m, wiring.flipped(self.entry), places.i)
        m.d.comb += [
            places.out.eq(job.out),
            places.out_step.eq(job.out_step),
            places.multiplier.eq(self.multiplier),
        ]
        of_results, of_sums = self._walk(m, places.o)
        self._add(m, of_results, of_sums)
        return m

    def _walk(self, m, places):
        """Go through entries and their channels; return what is known of a frame of results, and of one of sums."""
        job = self.job
        moving, second, ends = Signal(), Signal(), Signal()
        left, entries_left = Signal(COUNT, reset_less=True), Signal(COUNT)
        interval_left = Signal(FRAMES)
        placed, own_lane = Signal(PLACED, reset_less=True), Signal(LANE_NUMBER, reset_less=True)
        next_lane, next_block = Signal(LANE_NUMBER, reset_less=True), Signal(WORD_ADDRESS, reset_less=True)
        a, out = Signal(WORD_ADDRESS, reset_less=True), Signal(WORD_ADDRESS, reset_less=True)
        position, several = Signal(range(self._places.positions), reset_less=True), self._places.positions > 1
        is_last_chunk, begins = Signal(), Signal()
        m.d.comb += [
            is_last_chunk.eq(left <= latency.SLOTS),
            begins.eq((self.phase == latency.SLOTS - 1) & entries_left.any() & (interval_left <= 1) & places.valid),
            places.ready.eq(begins),
        ]
        with m.If(self.phase == latency.SLOTS - 1):
            with m.If(interval_left.any()):
                m.d.sync += interval_left.eq(interval_left - 1)
            m.d.sync += second.eq(moving & ~second)
            with m.If(second):
                m.d.sync += [
                    moving.eq(~is_last_chunk),
                    left.eq(left - latency.SLOTS),
                    a.eq(self._places.behind(a, position, latency.SLOTS)),
                    out.eq(self._places.behind(out, position, latency.SLOTS)),
                ]
                if several:
                    m.d.sync += position.eq(self._places.position_behind(position))
        with m.If(begins):
            wraps = next_lane == self._side - 1
            m.d.sync += [
                moving.eq(1),
                second.eq(0),
                left.eq(job.channels),
                interval_left.eq(job.interval),
                entries_left.eq(entries_left - 1),
                ends.eq(entries_left == 1),
                placed.eq(places.p),
                own_lane.eq(next_lane),
                a.eq(next_block),
                out.eq(places.p.out),
                next_lane.eq(Mux(wraps, 0, next_lane + 1)),
                next_block.eq(next_block + Mux(wraps, job.a_step, 0)),
            ]
            if several:
                m.d.sync += position.eq(0)
        with m.If(self.start):
            m.d.sync += [entries_left.eq(self.length), next_lane.eq(0), next_block.eq(job.a)]
        fetch = self.reads.fetch
        m.d.comb += [
            fetch.low.eq(Mux(second, out, a)),
            fetch.high.eq(fetch.low + Mux(second, job.out_plane, job.a_plane)),
            fetch.count.eq(Mux(moving, Mux(is_last_chunk, left, latency.SLOTS), 0)),
            fetch.is_wide.eq(1),
        ]
        m.submodules.of_results = of_results = FrameDelay(LANE, cycles=latency.READ_RUN)
        m.submodules.of_sums = of_sums = FrameDelay(TARGET, cycles=latency.READ_RUN)
        m.d.comb += [
            of_results.valid.eq(moving & ~second),
            of_results.i.lane.eq(own_lane),
            of_results.i.factor.eq(placed.factor),
            of_sums.valid.eq(moving & second),
            of_sums.i.lane.eq(placed.lane),
            of_sums.i.fetch.eq(fetch),
            of_sums.i.ends.eq(ends & is_last_chunk),
        ]
        for delay in (of_results, of_sums):
            m.d.comb += delay.phase.eq(self.phase)
        return of_results, of_sums

    def _add(self, m, of_results, of_sums):
        """Weigh results, which takes a frame, add them to the sums of that frame, and put these into their words."""
        m.submodules.weigh = weigh = WeighLane()
        result, total = (Signal(signed(RESULT_BITS), name=name, reset_less=True) for name in ("result", "total"))
        factor = Signal(signed(GATE_FACTOR_BITS), reset_less=True)
        longer = Signal(signed(RESULT_BITS + 2), reset_less=True)
        code = Signal(signed(RESULT_BITS), reset_less=True)
        m.d.sync += [
            result.eq(self._code(of_results.o.lane)),
            factor.eq(of_results.o.factor),
            total.eq(self._code(of_sums.o.lane)),
            longer.eq(total + weigh.out),
            code.eq(saturate(longer, RESULT_BITS)),
        ]
        m.d.comb += [
            weigh.advance.eq(1),
            weigh.result.eq(result),
            weigh.factor.eq(factor),
            weigh.shift.eq(self.shift),
        ]
        m.submodules.words = words = WordDelay(width=2 * BYTE * self._side, cycles=SUM)
        m.d.comb += words.i.eq(Cat(self.reads.low, self.reads.high))
        self._write(m, of_sums, words.o, code)

    def _code(self, lane):
        """Return the code of a lane of the words that are read."""
        return Cat(self.reads.low.word_select(lane, BYTE), self.reads.high.word_select(lane, BYTE)).as_signed()

    def _write(self, m, of_sums, words, code):
        m.submodules.target = target = FrameDelay(TARGET, cycles=latency.READ_RUN + SUM)
        m.d.comb += [target.phase.eq(self.phase), target.valid.eq(of_sums.valid), target.i.eq(of_sums.i)]
        written = self.writes
        m.d.sync += [written.start.eq(target.start), written.run.eq(target.o.fetch)]
        planes = (("low", 0), ("high", 1))
        for name, plane in planes:
            word = Cat(
                Mux(
                    target.o.lane == lane,
                    code[BYTE * plane : BYTE * (plane + 1)],
                    words[BYTE * (plane * self._side + lane) : BYTE * (plane * self._side + lane + 1)],
                )
                for lane in range(self._side)
            )
            m.d.sync += getattr(written, name).eq(word)
        ends = target.valid_late & target.o.ends & (target.place + 1 == target.o.fetch.count)
        m.d.comb += self.finished.eq(later(m, ends, TO_DONE + 1, name="ends"))

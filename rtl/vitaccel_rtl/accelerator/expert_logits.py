"""Which words of router logits are read in which frame."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.decode import instruction_layout
from vitaccel_rtl.accelerator.expert_ports import FETCH
from vitaccel_rtl.accelerator.frame_delay import FrameDelay
from vitaccel_rtl.accelerator.isa import COUNT, FRAMES, ROUTE, WORD_ADDRESS
from vitaccel_rtl.accelerator.part_walk import PartWalk
from vitaccel_rtl.accelerator.slot_buffer import PHASE


class ExpertLogits(wiring.Component):
    """Row-blocks of logits, ``interval`` frames apart: a run each, or with several parts a run of 8 words a frame.

    Either way the words of a row-block follow each other without a gap, and those of it end before the next one begins.

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
    start, job : in
        A pulse; the instruction, which holds until its last row-block was read.
    fetch : Signal, out
        The runs of a frame, in its cycle of phase 0; of both planes.
    ends : Signal, out
        The words that come now, ``READ_RUN`` cycles after their frame, are the last ones of a row-block.
    """

    def __init__(self, *, side, parts):
        self._parts = parts
        self._places = PartWalk(parts=parts, side=side)
        super().__init__(
            {
                "phase": In(PHASE),
                "start": In(1),
                "job": In(instruction_layout(ROUTE)),
                "fetch": Out(FETCH),
                "ends": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        job = self.job
        left, interval_left = Signal(COUNT), Signal(FRAMES)
        address = Signal(WORD_ADDRESS, reset_less=True)
        begins = Signal()
        m.d.comb += [begins.eq(left.any() & ~interval_left.any()), self.fetch.is_wide.eq(1)]
        with m.If(self.phase == 0):
            with m.If(begins):
                m.d.sync += [left.eq(left - 1), interval_left.eq(job.interval - 1)]
                m.d.sync += address.eq(address + job.logits_step)
            with m.Elif(interval_left.any()):
                m.d.sync += interval_left.eq(interval_left - 1)
        with m.If(self.start):
            m.d.sync += [left.eq(job.row_blocks), address.eq(job.logits)]
        if self._parts.count == 1:
            self._ask(m, address, Mux(begins, job.experts, 0))
            m.d.comb += self.ends.eq(1)
        else:
            self._go_on(m, begins, address)
        return m

    def _ask(self, m, address, count):
        m.d.comb += [
            self.fetch.low.eq(address),
            self.fetch.high.eq(address + self.job.logits_plane),
            self.fetch.count.eq(count),
        ]

    def _go_on(self, m, begins, address):
        """Ask for a row-block frame by frame, through the parts that its tiles are in."""
        places, slots = self._places, latency.SLOTS
        here, left = Signal.like(address, name="here", reset_less=True), Signal(COUNT)
        position = Signal(range(places.positions), reset_less=True)
        this, this_left, this_position = (Signal.like(each, name=f"{each.name}_now") for each in (here, left, position))
        is_last, was_last = Signal(), Signal(reset_less=True)
        m.d.comb += [
            this.eq(Mux(begins, address, here)),
            this_left.eq(Mux(begins, self.job.experts, left)),
            this_position.eq(Mux(begins, 0, position)),
            is_last.eq(this_left <= slots),
        ]
        self._ask(m, this, Mux(is_last, this_left, slots))
        with m.If(self.phase == 0):
            m.d.sync += [
                here.eq(places.behind(this, this_position, slots)),
                left.eq(Mux(is_last, 0, this_left - slots)),
                position.eq(places.position_behind(this_position)),
                was_last.eq(is_last),
            ]
        m.submodules.late = late = FrameDelay(1, cycles=latency.READ_RUN)
        m.d.comb += [late.phase.eq(self.phase), late.valid.eq(1), late.i.eq(was_last), self.ends.eq(late.o)]

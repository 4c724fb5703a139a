"""When an instruction's row-blocks begin, when the next instruction may come, and when this one is done."""

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.decode import instruction_layout
from vitaccel_rtl.accelerator.isa import COUNT, FRAMES, LANE, LANE_FUNCTIONS
from vitaccel_rtl.accelerator.slot_buffer import PHASE

LAYERNORM = LANE_FUNCTIONS.index("layernorm")

FROM_END = 16
"""Frames from where the next instruction may come to the result, at most."""


class RowTimes(wiring.Component):
    """Begins row-blocks of a lane instruction in frames that its fields tell; one decision a frame, for the next.

    The first row-block begins a frame after the instruction is accepted, another ``interval`` frames after the one
    before. Row-blocks of a LayerNorm are streamed twice, in the order M(0), M(1), N(0), M(2), N(1), ...: M finds the
    moments, N normalizes, ``scale`` frames after its M at the earliest. The next instruction may be accepted
    ``interval`` frames after the last row-block began; behind results by rows, `latency.vector_rows_drain` later.

    Row-blocks of a LayerNorm whose moments were taken before are streamed once. Their moments are asked for instead,
    the first ones at once, the others in the frame in which the row-block before begins; ``scale`` counts from there.

    Parameters
    ----------
    side
        P.
    has_moments
        Whether there are such.

    Attributes
    ----------
    phase : Signal, in
        Of the buffer.
    accept : Signal, in
        An instruction is accepted: in a cycle of phase 0 in which *idle* is high.
    job : instruction, in
        What was accepted, from the next cycle on.
    idle : Signal, out
        No row-block will begin in this frame, unless one is accepted.
    loads : Signal, out
        In the cycle after *accept*.
    begins, moments, parity, last : Signal, out
        In the cycle of phase 5: a row-block begins in the next frame; it is streamed for its moments; which of the two
        rows of factors in hand is its; it is the last.
    asks : Signal, out
        With *has_moments*, in the cycle of phase 5: a row-block's moments are asked for.
    rests : Signal, out
        In cycles of phase 0: *idle*, and all results are there.
    done : Signal, out
        A pulse, 4 cycles before the frame ``result`` frames after the last row-block's.
    """

    def __init__(self, *, side, has_moments=False):
        self._has_moments = has_moments
        self._drain = latency.vector_rows_drain(side)
        super().__init__(
            {
                "phase": In(PHASE),
                "accept": In(1),
                "job": In(instruction_layout(LANE)),
                "idle": Out(1, init=1),
                "loads": Out(1),
                "begins": Out(1),
                "moments": Out(1),
                "parity": Out(1),
                "last": Out(1),
                **({"asks": Out(1)} if has_moments else {}),
                "rests": Out(1),
                "done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        left = {"moments": Signal(COUNT), "normal": Signal(COUNT)}
        interval_left = Signal(FRAMES + 1)
        scale_left = [Signal(FRAMES, name=f"scale_left_{parity}") for parity in range(2)]
        for counter in (interval_left, *scale_left):
            with m.If((self.phase == 0) & counter.any()):
                m.d.sync += counter.eq(counter - 1)
        m.d.sync += self.loads.eq(self.accept)
        with m.If(self.loads):
            m.d.sync += [
                left["normal"].eq(self.job.row_blocks),
                left["moments"].eq(Mux(self.job.function == LAYERNORM, self.job.row_blocks, 0)),
            ]
        self._decide(m, left, interval_left, scale_left)
        self._end(m, left, interval_left)
        return m

    def _decide(self, m, left, interval_left, scale_left):
        """Find at phases 3 and 4 what begins in the next frame, and count it at phase 5."""
        ahead = Signal(2)  # row-blocks whose moments are found or sought, and which were not begun a second time
        parities = {"moments": Signal(name="moments_parity"), "normal": Signal(name="normal_parity")}
        waits, some_moments, some_normal, one_normal = (Signal(name=name) for name in ("waits", "some", "more", "one"))
        scale_waits = Signal(2)
        is_moments = Signal()
        # Row-blocks whose moments are asked for are one ahead, or two while a row-block begins.
        asked = self.job.has_moments if self._has_moments else Const(0)
        m.d.comb += is_moments.eq(some_moments & (ahead != 2) & ~asked)
        with m.If(self.phase == 3):
            m.d.sync += [
                waits.eq(interval_left.any()),
                some_moments.eq(left["moments"].any()),
                some_normal.eq(left["normal"].any()),
                one_normal.eq(left["normal"] == 1),
                scale_waits[0].eq(scale_left[0].any()),
                scale_waits[1].eq(scale_left[1].any()),
            ]
        with m.If(self.phase == 4):
            ready = Mux(parities["normal"], ~scale_waits[1], ~scale_waits[0])
            m.d.sync += [
                self.begins.eq(some_normal & ~waits & (is_moments | (ready & ~(asked & (ahead == 0))))),
                self.moments.eq(is_moments),
                self.parity.eq(Mux(is_moments, parities["moments"], parities["normal"])),
                self.last.eq(~is_moments & one_normal),
            ]
        with m.If((self.phase == 5) & self.begins):
            drain = Mux(self.last & self.job.by_rows, self._drain, 0)
            m.d.sync += interval_left.eq(self.job.interval + drain)
            with m.If(self.moments):
                m.d.sync += ahead.eq(ahead + 1)
                self._seek(m, left, parities, scale_left)
            with m.Else():
                m.d.sync += left["normal"].eq(left["normal"] - 1)
                with m.If(self.job.function == LAYERNORM):
                    m.d.sync += [ahead.eq(ahead - 1), parities["normal"].eq(~self.parity)]

        if self._has_moments:
            begins_one = self.begins & ~self.moments
            m.d.comb += self.asks.eq((self.phase == 5) & asked & some_moments & ((ahead == 0) | begins_one))
            with m.If(self.asks):
                m.d.sync += ahead.eq(1)
                self._seek(m, left, parities, scale_left)

    def _seek(self, m, left, parities, scale_left):
        """Count a row-block whose moments are sought, and the frames until it may be normalized."""
        m.d.sync += [left["moments"].eq(left["moments"] - 1), parities["moments"].eq(~parities["moments"])]
        for parity, counter in enumerate(scale_left):
            with m.If(parities["moments"] == parity):
                m.d.sync += counter.eq(self.job.scale)

    def _end(self, m, left, interval_left):
        """Let go of an instruction when the next may come; what is left until its result is a bit on its way."""
        owes = Signal()
        behind = Signal(range(FROM_END), reset_less=True)
        under_way = Signal(FROM_END)
        with m.If((self.phase == 5) & self.begins & self.last):
            drain = Mux(self.job.by_rows, self._drain, 0)
            m.d.sync += [owes.eq(1), behind.eq(self.job.result - self.job.interval - drain - 1)]
        with m.If(self.phase == 7):
            m.d.sync += [
                under_way.eq(under_way >> 1),
                self.idle.eq(~left["normal"].any() & ~interval_left.any()),
            ]
        with m.If((self.phase == 0) & self.idle):
            m.d.sync += owes.eq(0)
            with m.If(owes):
                m.d.sync += under_way.eq(under_way | (1 << behind))
            with m.If(self.accept):
                m.d.sync += self.idle.eq(0)
        m.d.comb += self.rests.eq(self.idle & ~owes & ~under_way.any())
        m.d.sync += self.done.eq((self.phase == 3) & under_way[0])

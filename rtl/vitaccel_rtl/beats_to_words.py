"""From the beats of bursts to words."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import dma_latency
from vitaccel_rtl.realign import bytes_layout, mask_of, masked, read_word_layout, shift_down, steps
from vitaccel_rtl.stream import SkidBuffer, Stages
from vitaccel_rtl.word_plan import plan_layout


class BeatsToWords(wiring.Component):
    """Words of the beats of bursts.

    A window keeps the last ``window_beats`` beats. A word needs as many new ones as its plan says, one a cycle, and a
    cycle if it needs none; then it is shifted down and its missing bytes are made zero.

    Parameters
    ----------
    geometry
        :class:`vitaccel_rtl.axi.Geometry`.

    Attributes
    ----------
    plan : stream, in
        Of :func:`vitaccel_rtl.word_plan.plan_layout`.
    i : stream
        Beats: ``lanes`` and ``error``.
    o : stream
        Of :func:`read_word_layout`.
    """

    def __init__(self, geometry):
        self._geometry = geometry
        super().__init__(
            {
                "plan": In(stream.Signature(plan_layout(geometry))),
                "i": In(stream.Signature(bytes_layout(geometry.beat_bytes, error=1))),
                "o": Out(stream.Signature(read_word_layout(geometry))),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from accepting the last beat of a word to offering the word."""
        return dma_latency.beats_to_words(**self._geometry.sizes)

    def elaborate(self, platform):
        m = Module()
        advance = Signal()
        stages = Stages(m, advance)
        window, issues, error = self._fetch(m, advance)
        shape, plan = self._geometry, self.plan.p
        beats_back = (shape.window_beats - 1 - plan.span)[: shape.span_bits]
        distance = Cat(plan.start[shape.granule_bits :], beats_back)
        depth = len(steps(len(distance)))
        distance = stages.register(distance, name="distance")
        mask = stages.delay(mask_of(plan.count, shape.word_bytes), depth + 1, name="mask")
        flags = stages.delay(Cat(plan.last_of_row, plan.last, error), depth + 2, name="flags")
        valid = stages.flags(issues, depth + 2, name="valid")[-1]
        lanes = shift_down(stages, window, distance, unit=8 * shape.granule_bytes, width=8 * shape.word_bytes)
        lanes = stages.register(masked(lanes, mask), name="lanes")
        m.submodules.skid = skid = SkidBuffer(read_word_layout(shape))
        wiring.connect(m, skid.o, wiring.flipped(self.o))
        m.d.comb += [
            skid.i.payload.eq(Cat(lanes, flags)),
            skid.i.valid.eq(valid),
            advance.eq(~valid | skid.i.ready),
        ]
        return m

    def _fetch(self, m, advance):
        """Return the window, whether the planned word is complete in it after this cycle, and an error of its beats."""
        plan, beat = self.plan.p, self.i
        count = Signal(range(self._geometry.window_beats + 1))
        needed = Signal.like(count)
        is_last_needed = Signal()
        issues = Signal()
        takes = Signal()
        error = Signal()
        m.d.comb += [
            needed.eq(plan.span + plan.begins),
            is_last_needed.eq((needed == 0) | (beat.valid & (count + 1 == needed))),
            beat.ready.eq(advance & self.plan.valid & (needed != 0)),
            takes.eq(beat.ready & beat.valid),
            issues.eq(self.plan.valid & is_last_needed),
            self.plan.ready.eq(advance & is_last_needed),
        ]
        window = Signal(self._geometry.window_beats * self._geometry.data_bits, reset_less=True)
        seen = Signal()
        m.d.comb += error.eq(seen | (beat.p.error & (needed != 0)))
        with m.If(takes):
            m.d.sync += window.eq(Cat(window, beat.p.lanes)[self._geometry.data_bits :])
        with m.If(self.plan.ready & self.plan.valid):
            m.d.sync += [count.eq(0), seen.eq(0)]
        with m.Elif(takes):
            m.d.sync += [count.eq(count + 1), seen.eq(error)]
        return window, issues, error

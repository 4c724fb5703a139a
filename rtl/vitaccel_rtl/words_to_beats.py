"""From words to the beats of bursts."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import dma_latency
from vitaccel_rtl.realign import beat_layout, bytes_layout, mask_of, masked, shift_up, steps
from vitaccel_rtl.stream import SkidBuffer, Stages
from vitaccel_rtl.word_plan import plan_layout


class WordsToBeats(wiring.Component):
    """Beats of the words of descriptors, with the strobes of their bytes.

    A word is shifted up to its place and joins what is left of the word before it; the beats that it completes leave
    one a cycle. A word that completes none takes a cycle.

    Parameters
    ----------
    geometry
        :class:`vitaccel_rtl.axi.Geometry`.

    Attributes
    ----------
    plan : stream, in
        Of :func:`vitaccel_rtl.word_plan.plan_layout`.
    i : stream
        Words: ``lanes``; those beyond the end of a row are not read.
    o : stream
        Of :func:`beat_layout`; bytes without strobe are zero.
    """

    def __init__(self, geometry):
        self._geometry = geometry
        super().__init__(
            {
                "plan": In(stream.Signature(plan_layout(geometry))),
                "i": In(stream.Signature(bytes_layout(geometry.word_bytes))),
                "o": Out(stream.Signature(beat_layout(geometry))),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from accepting the word that completes a beat to offering the beat."""
        return dma_latency.words_to_beats(**self._geometry.sizes)

    def elaborate(self, platform):
        m = Module()
        advance = Signal()
        stages = Stages(m, advance)
        # What takes the beats waits for more than the bus: its ready must not reach the words in the same cycle.
        m.submodules.skid = skid = SkidBuffer(beat_layout(self._geometry))
        wiring.connect(m, skid.o, wiring.flipped(self.o))
        shape, plan = self._geometry, self.plan.p
        arrives = Signal()
        m.d.comb += [
            arrives.eq(self.plan.valid & self.i.valid),
            self.plan.ready.eq(advance & self.i.valid),
            self.i.ready.eq(advance & self.plan.valid),
        ]
        distance = plan.start[shape.granule_bits :]
        depth = len(steps(len(distance)))
        distance = stages.register(distance, name="distance")
        mask = mask_of(plan.count, shape.word_bytes)
        strobe = stages.register(mask, name="mask")
        lanes = stages.register(masked(Value.cast(self.i.p.lanes), mask), name="masked")
        unit, width = shape.granule_bytes, shape.window_beats * shape.beat_bytes
        strobe = shift_up(stages, strobe, distance, unit=unit, width=width, name="strobe")
        lanes = shift_up(stages, lanes, distance, unit=8 * unit, width=8 * width, name="lanes")
        beats = stages.delay(plan.span + plan.ends, depth + 1, name="beats")
        valid = stages.flags(arrives, depth + 1, name="valid")[-1]
        m.d.comb += advance.eq(~valid | self._join(m, skid.i, valid, lanes, strobe, beats))
        return m

    def _join(self, m, o, valid, lanes, strobe, beats):
        """Build the window that words join and beats leave to *o*; return whether it takes a word."""
        pending = Signal(range(self._geometry.window_beats + 1))
        leaves = Signal()
        taken = Signal()
        m.d.comb += [
            o.valid.eq(pending != 0),
            leaves.eq(o.valid & o.ready),
            taken.eq((pending == 0) | ((pending == 1) & o.ready)),
        ]
        for arriving, unit, port in (
            (lanes, self._geometry.data_bits, o.p.lanes),
            (strobe, self._geometry.beat_bytes, o.p.strobe),
        ):
            # Reset, unlike other data: a word joins by OR, so that what was left before a reset would stay in it.
            window = Signal(len(arriving), name=f"window_{unit}")
            m.d.comb += port.eq(window)
            kept = Mux(leaves, window[unit:], window)
            m.d.sync += window.eq(kept | Mux(valid & taken, arriving, 0))
        with m.If(taken):
            m.d.sync += pending.eq(Mux(valid, beats, 0))
        with m.Elif(leaves):
            m.d.sync += pending.eq(pending - 1)
        return taken

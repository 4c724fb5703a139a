"""What is known at the start of a frame, so many cycles later."""

from amaranth.hdl import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.slot_buffer import PHASE
from vitaccel_rtl.stream import check_range


class FrameDelay(wiring.Component):
    """A word for each frame; it is at the output for 8 cycles, beginning *cycles* after the frame.

    Parameters
    ----------
    shape
        Shape of the word.
    cycles
        1 to 255.

    Attributes
    ----------
    phase : Signal, in
        0 to 7 over and over; a frame that begins at t0 has phase 0 there.
    valid, i : Signal, in
        Whether there is a word for this frame, and the word; from cycle ``t0 + (cycles - 1) % 8`` to the frame's end.
    start : Signal, out
        In the cycle ``t0 + cycles``, if there was a word.
    valid_late, o : Signal, out
        *valid* and the word, in the cycles ``t0 + cycles`` to ``t0 + cycles + 7``.
    place : Signal, out
        Which of these cycles it is, 0 to 7.

    Raises
    ------
    ValueError
        If *cycles* is out of its range.
    """

    def __init__(self, shape, *, cycles):
        check_range("cycles of a frame delay", cycles, 1, 255)
        self._cycles = cycles
        super().__init__(
            {
                "phase": In(PHASE),
                "valid": In(1),
                "i": In(shape),
                "start": Out(1),
                "valid_late": Out(1),
                "o": Out(shape),
                "place": Out(PHASE),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from the start of a frame to its word at the output."""
        return self._cycles

    def elaborate(self, platform):
        m = Module()
        valid, word = self.valid, Value.cast(self.i)
        with m.If(self.phase == (self._cycles - 1) % latency.SLOTS):
            for stage in range((self._cycles - 1) // latency.SLOTS + 1):
                next_valid = Signal(name=f"valid_{stage}")
                next_word = Signal(len(word), name=f"word_{stage}", reset_less=True)
                m.d.sync += [next_valid.eq(valid), next_word.eq(word)]
                valid, word = next_valid, next_word
        m.d.comb += [
            self.valid_late.eq(valid),
            Value.cast(self.o).eq(word),
            self.place.eq(self.phase - self._cycles % latency.SLOTS),
            self.start.eq(valid & (self.phase == self._cycles % latency.SLOTS)),
        ]
        return m

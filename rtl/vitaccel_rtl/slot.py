"""A slot for one word, between two blocks that must not wait for each other within a cycle."""

from amaranth.hdl import Module, Mux, Shape, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency


class Slot(wiring.Component):
    """Holds a word until it is taken, and takes the next one then: a word every other cycle.

    Both ``i.ready`` and ``o.valid`` say whether it is full, so no path leads from one side to the other. For wide words
    that come seldom it is half of a :class:`vitaccel_rtl.stream.SkidBuffer`.

    Parameters
    ----------
    shape
        Shape of the payload.
    """

    def __init__(self, shape):
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})
        self._shape = shape

    @property
    def latency_cycles(self):
        """Cycles from accepting a word to offering it."""
        return latency.SLOT

    def elaborate(self, platform):
        m = Module()
        full, full_next = Signal(), Signal()
        # The same, for the registers of the word: of hundreds, for which the handshake must not wait.
        loads = Signal(init=1)
        word = Signal(Shape.cast(self._shape).width, reset_less=True)
        m.d.comb += [self.i.ready.eq(~full), self.o.valid.eq(full), Value.cast(self.o.payload).eq(word)]
        m.d.comb += full_next.eq(Mux(full, ~self.o.ready, self.i.valid))
        m.d.sync += [full.eq(full_next), loads.eq(~full_next)]
        with m.If(loads):
            m.d.sync += word.eq(Value.cast(self.i.payload))
        return m

"""A serial line, 8 data bits, no parity, one stop bit: receiver and transmitter."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.stream import check_range

FRAME_BITS = 10
"""Start bit, data, stop bit."""


def check_cycles_per_bit(cycles):
    """Raise a ValueError of one sentence unless a line can have so many cycles of the clock for each bit."""
    check_range("cycles of a bit", cycles, 4, 1 << 16)


class SerialReceiver(wiring.Component):
    """Bytes from a line.

    A bit is sampled in its middle, counted from the falling edge of the start bit.

    Parameters
    ----------
    cycles_per_bit
        4 to 65536.

    Attributes
    ----------
    line : Signal, in
        High at rest; not synchronous to the clock.
    valid, byte : Signal, out
        A byte has come, for one cycle.
    breaks : Signal, out
        For one cycle: the line was low where a stop bit should be. Nothing comes before it was high again.

    Raises
    ------
    ValueError
        If the cycles are out of their range.
    """

    def __init__(self, *, cycles_per_bit):
        check_cycles_per_bit(cycles_per_bit)
        self._cycles = cycles_per_bit
        super().__init__({"line": In(1, init=1), "valid": Out(1), "byte": Out(8), "breaks": Out(1)})

    def elaborate(self, platform):
        m = Module()
        first, line = Signal(init=1), Signal(init=1)
        m.d.sync += [first.eq(self.line), line.eq(first)]
        left = Signal(range(self._cycles + self._cycles // 2))
        count = Signal(range(FRAME_BITS))
        sampled = left == 0
        m.d.sync += [left.eq(left - 1), self.valid.eq(0), self.breaks.eq(0)]
        with m.FSM():
            with m.State("REST"):
                m.d.sync += [left.eq(self._cycles // 2 - 1), count.eq(0)]
                with m.If(~line):
                    m.next = "BITS"
            with m.State("BITS"), m.If(sampled):
                m.d.sync += [left.eq(self._cycles - 1), count.eq(count + 1), self.byte.eq(Cat(self.byte[1:], line))]
                with m.If((count == 0) & line):
                    m.next = "REST"
                with m.If(count == FRAME_BITS - 2):
                    m.next = "STOP"
            with m.State("STOP"), m.If(sampled):
                m.d.sync += [self.valid.eq(line), self.breaks.eq(~line)]
                m.next = "HIGH"
            with m.State("HIGH"), m.If(line):
                m.next = "REST"
        return m


class SerialTransmitter(wiring.Component):
    """Bytes to a line.

    Parameters
    ----------
    cycles_per_bit
        4 to 65536.

    Attributes
    ----------
    i : stream
        Bytes; one is accepted every ``10 cycles_per_bit`` cycles at most.
    line : Signal, out
        High at rest; a register.

    Raises
    ------
    ValueError
        If the cycles are out of their range.
    """

    def __init__(self, *, cycles_per_bit):
        check_cycles_per_bit(cycles_per_bit)
        self._cycles = cycles_per_bit
        super().__init__({"i": In(stream.Signature(8)), "line": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        left = Signal(range(self._cycles))
        bits = Signal(FRAME_BITS, init=1)
        count = Signal(range(FRAME_BITS + 1))
        m.d.comb += [self.i.ready.eq(count == 0)]
        m.d.sync += self.line.eq(bits[0])
        with m.If(count == 0), m.If(self.i.valid):
            m.d.sync += [
                bits.eq(Cat(Const(0, 1), self.i.payload, Const(1, 1))),
                count.eq(FRAME_BITS),
                left.eq(self._cycles - 1),
            ]
        with m.Elif(left == 0):
            m.d.sync += [bits.eq(Cat(bits[1:], Const(1, 1))), count.eq(count - 1), left.eq(self._cycles - 1)]
        with m.Else():
            m.d.sync += left.eq(left - 1)
        return m

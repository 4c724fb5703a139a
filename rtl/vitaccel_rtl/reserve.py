"""Where bursts wait for room: what follows from a comparison with the burst's length is a bit of a register."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import dma_latency
from vitaccel_rtl.bursts import burst_layout
from vitaccel_rtl.stream import check_range


class Reserve(wiring.Component):
    """Offers bursts, in order, whose beats have room.

    A burst takes its room when it is accepted, whether or not there is as much; it is offered once the room that is
    left is not negative. So no carry chain lies between the room and whether a burst may go.

    Parameters
    ----------
    geometry
        :class:`vitaccel_rtl.axi.Geometry`.
    beats
        Room at the beginning, ``longest_burst`` or more.

    Attributes
    ----------
    i, o : stream
        Of :func:`vitaccel_rtl.bursts.burst_layout`. One burst a cycle, offered ``latency_cycles`` after it was accepted
        if there is room.
    leaves : Signal, in
        There is room for one beat more in the next cycle.

    Raises
    ------
    ValueError
        If there can never be room for the longest burst.
    """

    def __init__(self, geometry, *, beats):
        check_range("beats that bursts have room in", beats, geometry.longest_burst, 1 << 16)
        self._geometry = geometry
        self._beats = beats
        bursts = stream.Signature(burst_layout(geometry))
        super().__init__({"i": In(bursts), "o": Out(bursts), "leaves": In(1)})

    @property
    def latency_cycles(self):
        """Cycles from accepting a burst to offering it, when there is room."""
        return dma_latency.RESERVE

    def elaborate(self, platform):
        m = Module()
        room = Signal(range(-self._geometry.longest_burst, self._beats + 1), init=self._beats)
        full = Signal()
        burst = Signal(burst_layout(self._geometry), reset_less=True)
        accepted = self.i.valid & self.i.ready
        m.d.comb += [
            self.o.valid.eq(full & (room >= 0)),
            self.o.p.eq(burst),
            self.i.ready.eq(~full | (self.o.valid & self.o.ready)),
        ]
        m.d.sync += room.eq(room + self.leaves - Mux(accepted, self.i.p.beats, 0))
        with m.If(self.i.ready):
            m.d.sync += [full.eq(self.i.valid), burst.eq(self.i.p)]
        return m

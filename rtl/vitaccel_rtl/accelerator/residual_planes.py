"""The residual of a tile: its low bytes and its high bytes are read one after the other, and leave together."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.isa import COUNT, WORD_ADDRESS
from vitaccel_rtl.accelerator.pace import frames
from vitaccel_rtl.accelerator.run_reader import RunReader
from vitaccel_rtl.accelerator.slot_buffer import read_client
from vitaccel_rtl.latency import SLOTS
from vitaccel_rtl.requantize import RESIDUAL_BITS

PLACES = 64
"""Words that wait: those of a tile while it accumulates, and those of the next that come while it drains."""


class ResidualPlanes(wiring.Component):
    """Reads P words of low bytes, then P of high bytes, and offers them as P int16.

    Parameters
    ----------
    side, words, client
        P, words of the buffer, and the read client this is.

    Attributes
    ----------
    phase : in
        Of the frame.
    start, address, plane : in
        A tile sets out, in phase 0. The next one may do so ``frames(P)`` frames and P cycles later or more.
    taken : Signal, in
        The word at ``residual`` is used.
    residual : out
        The oldest word; that of a tile is there ``8 frames(P) + READ_RUN + 1`` cycles behind its start, or earlier.
    memory : out
        To the buffer.
    """

    def __init__(self, *, side, words, client):
        self._side, self._words, self._client = side, words, client
        super().__init__(
            {
                "phase": In(3),
                "start": In(1),
                "address": In(WORD_ADDRESS),
                "plane": In(COUNT),
                "taken": In(1),
                "residual": Out(data.ArrayLayout(signed(RESIDUAL_BITS), side)),
                "memory": Out(read_client(side, words // SLOTS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.reader = reader = RunReader(side=self._side, words=self._words, client=self._client)
        wiring.connect(m, reader.memory, wiring.flipped(self.memory))
        high = Signal(WORD_ADDRESS, reset_less=True)
        left = Signal(range(frames(self._side) + 1))
        waits, starts_high = Signal(), Signal()
        m.d.comb += starts_high.eq(waits & (left == 0) & (self.phase == 0))
        with m.If(self.start):
            m.d.sync += [high.eq(self.address + self.plane), left.eq(frames(self._side)), waits.eq(1)]
        with m.Else():
            # The frame of the start counts: phase 7 comes after it.
            m.d.sync += left.eq(left - ((self.phase == SLOTS - 1) & (left != 0)))
            with m.If(starts_high):
                m.d.sync += waits.eq(0)
        m.d.comb += [
            reader.phase.eq(self.phase),
            reader.start.eq(self.start | starts_high),
            reader.address.eq(self.address),
            reader.count.eq(self._side),
        ]
        with m.If(starts_high):
            m.d.comb += reader.address.eq(high)
        self._pair(m, reader)
        return m

    def _pair(self, m, reader):
        is_high, place = Signal(), Signal(range(PLACES))
        to = [Signal(range(PLACES), name=f"to_plane{plane}") for plane in range(2)]
        halves = []
        for plane in range(2):
            memory = Memory(shape=8 * self._side, depth=PLACES, init=[])
            m.submodules[f"plane{plane}"] = memory
            writes, reads = memory.write_port(), memory.read_port(domain="comb")
            m.d.comb += [
                writes.addr.eq(to[plane]),
                writes.data.eq(reader.word),
                writes.en.eq(reader.valid & (is_high == plane)),
                reads.addr.eq(place),
            ]
            m.d.sync += to[plane].eq(to[plane] + writes.en)
            halves.append(reads.data)
        with m.If(reader.valid & reader.last):
            m.d.sync += is_high.eq(~is_high)
        m.d.sync += place.eq(place + self.taken)
        for lane, out in enumerate(self.residual):
            m.d.comb += out.eq(Cat(half[8 * lane : 8 * lane + 8] for half in halves))

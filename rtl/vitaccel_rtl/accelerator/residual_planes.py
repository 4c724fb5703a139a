"""The residual of a tile: its low bytes and its high bytes are read at the same time, and wait for the sums."""

from amaranth.hdl import Cat, Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.isa import COUNT, WORD_ADDRESS
from vitaccel_rtl.accelerator.memories import RESIDUAL_PLACES
from vitaccel_rtl.accelerator.run_reader import RunReader
from vitaccel_rtl.accelerator.slot_buffer import read_client
from vitaccel_rtl.latency import SLOTS
from vitaccel_rtl.requantize import RESIDUAL_BITS


class ResidualPlanes(wiring.Component):
    """Reads P words of low bytes and P of high bytes, and offers them as P int16.

    Parameters
    ----------
    side, words, clients
        P, words of the buffer, and the read clients this is: of low and of high bytes.

    Attributes
    ----------
    phase : in
        Of the frame.
    start, address, plane : in
        A tile sets out, in phase 0. The next one may do so P cycles later or more.
    taken : Signal, in
        The word at ``residual`` is used.
    residual : out
        The oldest word; that of a tile is there ``READ_RUN + 1`` cycles behind its start, or earlier.
    memories : array of read clients, out
        To the buffer.
    """

    def __init__(self, *, side, words, clients):
        self._side, self._words, self._clients = side, words, clients
        super().__init__(
            {
                "phase": In(3),
                "start": In(1),
                "address": In(WORD_ADDRESS),
                "plane": In(COUNT),
                "taken": In(1),
                "residual": Out(data.ArrayLayout(signed(RESIDUAL_BITS), side)),
                "memories": Out(read_client(side, words // SLOTS)).array(len(clients)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        low, high = (RunReader(side=self._side, words=self._words, client=client) for client in self._clients)
        m.submodules.low, m.submodules.high = low, high
        for reader, memory in zip((low, high), self.memories, strict=True):
            wiring.connect(m, reader.memory, wiring.flipped(memory))
            m.d.comb += [reader.phase.eq(self.phase), reader.start.eq(self.start), reader.count.eq(self._side)]
        m.d.comb += [low.address.eq(self.address), high.address.eq(self.address + self.plane)]
        m.submodules.waiting = waiting = Memory(shape=2 * 8 * self._side, depth=RESIDUAL_PLACES, init=[])
        writes, reads = waiting.write_port(), waiting.read_port(domain="comb")
        to, place = Signal(range(RESIDUAL_PLACES)), Signal(range(RESIDUAL_PLACES))
        # Runs that start together are at their readers' outputs together, wherever they begin.
        m.d.comb += [
            writes.addr.eq(to),
            writes.data.eq(Cat(low.word, high.word)),
            writes.en.eq(low.valid),
            reads.addr.eq(place),
        ]
        m.d.sync += [to.eq(to + low.valid), place.eq(place + self.taken)]
        halves = reads.data[: 8 * self._side], reads.data[8 * self._side :]
        for lane, out in enumerate(self.residual):
            m.d.comb += out.eq(Cat(half[8 * lane : 8 * lane + 8] for half in halves))
        return m

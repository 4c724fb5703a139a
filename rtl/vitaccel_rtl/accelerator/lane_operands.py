"""Words of the lanes' operands: runs of bytes that become words of codes."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_formats import BYTE
from vitaccel_rtl.accelerator.lane_arithmetic import CODE_BITS
from vitaccel_rtl.accelerator.lane_words import FETCH, LANES
from vitaccel_rtl.accelerator.run_reader import RunReader
from vitaccel_rtl.accelerator.slot_buffer import PHASE, read_client

READ_CLIENTS = (3, 4, 5)
"""Low and high bytes of operand a; operand b."""


class LaneOperands(wiring.Component):
    """Reads both operands of a frame's words.

    Word i of a frame that begins at t0 is at the output at ``t0 + READ_RUN + 1 + i``. Of a second operand of int16 the
    low bytes were read in the frame before.

    Parameters
    ----------
    side, words
        Of the buffer.

    Attributes
    ----------
    phase : Signal, in
        Of the buffer.
    fetch : Signal, in
        The runs, during the frame: :data:`~vitaccel_rtl.accelerator.lane_words.FETCH`.
    lanes : Signal, in
        What is done with the words, in the cycles ``t0 + READ_RUN`` to ``t0 + READ_RUN + 7``.
    reads : array of read clients, out
        :data:`READ_CLIENTS` of the buffer.
    a, b : Signal, out
        P codes of 16 bits.
    """

    def __init__(self, *, side, words):
        self._side = side
        self._words = words
        word = data.ArrayLayout(signed(CODE_BITS), side)
        super().__init__(
            {
                "phase": In(PHASE),
                "fetch": In(FETCH),
                "lanes": In(LANES),
                "reads": Out(read_client(side, words // latency.SLOTS)).array(len(READ_CLIENTS)),
                "a": Out(word),
                "b": Out(word),
            }
        )

    def elaborate(self, platform):
        m = Module()
        fetch = self.fetch
        low, high, b = (
            self._reader(m, place, address, count)
            for place, (address, count) in enumerate(
                ((fetch.a, fetch.a_count), (fetch.a_high, fetch.a_count), (fetch.b, fetch.b_count))
            )
        )
        m.submodules.earlier = earlier = Memory(shape=BYTE * self._side, depth=latency.SLOTS, init=[])
        writes, reads = earlier.write_port(), earlier.read_port(domain="comb")
        m.d.comb += [writes.en.eq(1), writes.addr.eq(self.phase), writes.data.eq(b), reads.addr.eq(self.phase)]
        self._join(m, self.a, low, high, self.lanes.a_is_wide)
        self._join(m, self.b, Mux(self.lanes.b_is_pair, reads.data, b), b, self.lanes.b_is_pair)
        return m

    def _reader(self, m, place, address, count):
        """Return the words of a client's runs."""
        reader = RunReader(side=self._side, words=self._words, client=READ_CLIENTS[place])
        m.submodules[f"reader_{place}"] = reader
        wiring.connect(m, reader.memory, wiring.flipped(self.reads[place]))
        m.d.comb += [
            reader.phase.eq(self.phase),
            reader.start.eq(self.phase == 0),
            reader.address.eq(address),
            reader.count.eq(count),
        ]
        return reader.word

    def _join(self, m, codes, low, high, is_wide):
        """Register words of codes: of both bytes, or of the low ones with their signs."""
        target = Signal.like(codes, name="codes", reset_less=True)
        for lane in range(self._side):
            place = slice(BYTE * lane, BYTE * (lane + 1))
            sign = low[place][-1].replicate(BYTE)
            m.d.sync += target[lane].eq(Cat(low[place], Mux(is_wide, high[place], sign)))
        m.d.comb += codes.eq(target)

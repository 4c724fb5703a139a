"""The accelerator's memory, of block RAM: both of its AXI4 masters and the host read and write it."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.axi import LENGTH_BITS, RESPONSE_BITS, Geometry, read_ports, write_ports
from vitaccel_rtl.credit_queue import CreditQueue
from vitaccel_rtl.stream import check_range

WORD_BYTES = 8
"""Of the memory, as wide as a beat of the program."""

DECODE_ERROR = 0b11
READERS = ("m", "p", "host")
"""Who reads: the accelerator's data, its program, the host."""

READ_CYCLES = 2
"""From an address to its word: the memory's own register, and one behind it."""

_PLACES = READ_CYCLES + 3


def slave_ports(members, prefix):
    """Return the members of an AXI4 master as those of its slave, with another prefix than ``m_axi``."""
    return {name.replace("m_axi", prefix): member.flip() for name, member in members.items()}


class BlockMemory(wiring.Component):
    """A memory of 64-bit words with two AXI4 slaves and a port for the host; one of them reads at a time, one writes.

    A burst is served whole, a beat a cycle; what waits comes next, the host first. Bursts are INCR, of whole beats, as
    :mod:`vitaccel_rtl.axi` has them. One that begins outside of the memory is answered DECERR and changes nothing.

    Parameters
    ----------
    memory_bytes
        A multiple of 8, up to 1 MiB.
    data_bits
        Of the slave ``m_axi``: 32 or 64; ``p_axi`` has 64.

    Attributes
    ----------
    m_axi_* : AXI4
        Reads and writes.
    p_axi_* : AXI4
        Reads only.
    address, write_byte, writes, reads, done, read_byte
        A byte of the host: the other side of :class:`vitaccel_rtl.board.host_link.HostLink`.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, memory_bytes, data_bits):
        check_range("memory_bytes of a block memory", memory_bytes, WORD_BYTES, 1 << 20)
        if memory_bytes % WORD_BYTES:
            raise ValueError(f"memory_bytes of a block memory must be a multiple of {WORD_BYTES}, not {memory_bytes}")
        if data_bits not in (32, 64):
            raise ValueError(f"data_bits of a block memory must be 32 or 64, not {data_bits!r}")
        self._bytes, self._data_bits = memory_bytes, data_bits
        geometry = Geometry(data_bits=data_bits, word_bytes=4)
        program = Geometry(data_bits=8 * WORD_BYTES, word_bytes=WORD_BYTES)
        super().__init__(
            {
                **slave_ports(read_ports(geometry), "m_axi"),
                **slave_ports(write_ports(geometry), "m_axi"),
                **slave_ports(read_ports(program), "p_axi"),
                "address": In(self.address_bits),
                "write_byte": In(8),
                "writes": In(1),
                "reads": In(1),
                "done": Out(1),
                "read_byte": Out(8),
            }
        )

    @property
    def address_bits(self):
        """Of a byte in it."""
        return (self._bytes - 1).bit_length()

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=8 * WORD_BYTES, depth=self._bytes // WORD_BYTES, init=[])
        read_done, write_done = self._read(m, memory.read_port()), self._write(m, memory.write_port(granularity=8))
        m.d.comb += self.done.eq(read_done | write_done)
        return m

    def _is_outside(self, address):
        return address[self.address_bits :].any() | (address[: self.address_bits] >= self._bytes)

    def _read(self, m, port):
        """Serve bursts to read; return when a byte of the host is there."""
        beat = data.StructLayout({"word": 64, "place": 3, "reader": len(READERS), "is_outside": 1, "last": 1})
        m.submodules.beats = beats = CreditQueue(beat, depth=_PLACES)
        address, left = Signal(32, reset_less=True), Signal(LENGTH_BITS, reset_less=True)
        reader, outside = Signal(len(READERS)), Signal()
        step = Signal(32, reset_less=True)
        host_waits, host_asked, host_done = Signal(), Signal(), Signal()
        starts = Signal(len(READERS))
        m.d.comb += [
            host_waits.eq(self.reads & ~host_asked & (reader == 0)),
            starts[2].eq(host_waits),
            starts[1].eq(self.p_axi_arvalid & (reader == 0) & ~host_waits),
            starts[0].eq(self.m_axi_arvalid & (reader == 0) & ~host_waits & ~self.p_axi_arvalid),
            self.p_axi_arready.eq(starts[1]),
            self.m_axi_arready.eq(starts[0]),
        ]
        asked = Signal(32)
        m.d.comb += asked.eq(Mux(starts[2], self.address, Mux(starts[1], self.p_axi_araddr, self.m_axi_araddr)))
        with m.If(host_waits):
            m.d.sync += host_asked.eq(1)
        with m.If(host_done):
            m.d.sync += host_asked.eq(0)
        goes = (reader != 0) & beats.has_place
        with m.If(starts.any()):
            m.d.sync += [
                reader.eq(starts),
                address.eq(asked),
                outside.eq(self._is_outside(asked)),
                left.eq(Mux(starts[2], 0, Mux(starts[1], self.p_axi_arlen, self.m_axi_arlen))),
                step.eq(Mux(starts[0], self._data_bits // 8, WORD_BYTES)),
            ]
        with m.Elif(goes):
            m.d.sync += [address.eq(address + step), left.eq(left - 1)]
            with m.If(left == 0):
                m.d.sync += reader.eq(0)
        m.d.comb += [beats.reserve.eq(goes), port.en.eq(1), port.addr.eq(address[3:])]
        there = goes
        about = Cat(address[:3], reader, outside, left == 0)
        for stage in range(READ_CYCLES):
            later, passed = Signal(name=f"there_{stage}"), Signal(len(about), name=f"about_{stage}", reset_less=True)
            m.d.sync += [later.eq(there), passed.eq(about)]
            there, about = later, passed
        word = Signal(64, reset_less=True)
        m.d.sync += word.eq(port.data)
        m.d.comb += [beats.arrives.eq(there), beats.word.as_value().eq(Cat(word, about))]
        self._answer(m, beats.o, host_done)
        return host_done

    def _answer(self, m, beats, host_done):
        """Give beats to who asked for them."""
        place, readers = beats.p.place, beats.p.reader
        response = beats.p.is_outside.replicate(RESPONSE_BITS) & DECODE_ERROR
        narrow = beats.p.word.word_select(place[2], 32) if self._data_bits == 32 else beats.p.word
        m.d.comb += [
            self.m_axi_rdata.eq(narrow),
            self.p_axi_rdata.eq(beats.p.word),
            self.read_byte.eq(beats.p.word.word_select(place, 8)),
            host_done.eq(beats.valid & readers[2]),
            beats.ready.eq((readers[0] & self.m_axi_rready) | (readers[1] & self.p_axi_rready) | readers[2]),
        ]
        for number, prefix in enumerate(READERS[:2]):
            m.d.comb += [
                getattr(self, f"{prefix}_axi_rvalid").eq(beats.valid & readers[number]),
                getattr(self, f"{prefix}_axi_rlast").eq(beats.p.last),
                getattr(self, f"{prefix}_axi_rresp").eq(response),
            ]

    def _write(self, m, port):
        """Serve bursts to write; return when a byte of the host is written."""
        address = Signal(32, reset_less=True)
        outside = Signal()
        host_writes, arrives = Signal(), Signal()
        lanes = 64 // self._data_bits
        half = address[self._data_bits.bit_length() - 4 : 3]
        strobes = Signal(WORD_BYTES)
        m.d.comb += [
            arrives.eq(self.m_axi_wvalid & self.m_axi_wready),
            strobes.eq(self.m_axi_wstrb << (half * (self._data_bits // 8) if lanes > 1 else 0)),
            port.addr.eq(Mux(host_writes, self.address[3:], address[3:])),
            port.data.eq(Mux(host_writes, self.write_byte.replicate(WORD_BYTES), self.m_axi_wdata.replicate(lanes))),
        ]
        with m.If(host_writes):
            m.d.comb += port.en.eq(1 << self.address[:3])
        with m.Elif(arrives & ~outside):
            m.d.comb += port.en.eq(strobes)
        with m.FSM():
            with m.State("REST"):
                with m.If(self.writes):
                    m.d.comb += host_writes.eq(1)
                with m.Else():
                    m.d.comb += self.m_axi_awready.eq(1)
                    m.d.sync += [address.eq(self.m_axi_awaddr), outside.eq(self._is_outside(self.m_axi_awaddr))]
                    with m.If(self.m_axi_awvalid):
                        m.next = "BURST"
            with m.State("BURST"):
                m.d.comb += self.m_axi_wready.eq(1)
                with m.If(self.m_axi_wvalid):
                    m.d.sync += address.eq(address + self._data_bits // 8)
                    with m.If(self.m_axi_wlast):
                        m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += [
                    self.m_axi_bvalid.eq(1),
                    self.m_axi_bresp.eq(outside.replicate(RESPONSE_BITS) & DECODE_ERROR),
                ]
                with m.If(self.m_axi_bready):
                    m.next = "REST"
        return host_writes

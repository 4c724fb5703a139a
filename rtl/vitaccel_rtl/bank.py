"""A memory that reads one word and writes one word a cycle, fit for block RAM of any kind."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.stream import check_range


class Bank(wiring.Component):
    """One read and one write a cycle; a read returns what was last written, in its own cycle or before.

    What a block RAM returns for a word that is written in the same cycle differs from part to part. So that is never
    used, and what is written is handed on beside it. Addresses and the memory's output are registers of their own, as a
    block RAM takes most of a cycle; so is the word, as block RAMs are far from who reads them.

    Parameters
    ----------
    words
        1 to 65,536. They are 0 until they are written; a reset leaves them as they are.
    width
        Bits of a word, 1 to 1024.

    Attributes
    ----------
    read, read_address : Signal, in
        Whether to read, and where. An address is below *words*.
    write, write_address, write_data : Signal, in
        Whether to write, where and what.
    data : Signal, out
        The word, ``latency_cycles`` after its address; between reads, anything.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, words, width):
        check_range("words of a bank", words, 1, 1 << 16)
        check_range("width of a bank", width, 1, 1024)
        self._words = words
        self._width = width
        address = unsigned(max((words - 1).bit_length(), 1))
        super().__init__(
            {
                "read": In(1),
                "read_address": In(address),
                "write": In(1),
                "write_address": In(address),
                "write_data": In(width),
                "data": Out(width),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from an address to its word."""
        return latency.BANK

    def elaborate(self, platform):
        m = Module()
        # Whoever maps the memory may take any block RAM, and adds no logic for words that are read and written at once.
        memory = Memory(shape=self._width, depth=self._words, init=[], attrs={"no_rw_check": 1})
        m.submodules.memory = memory
        reads = memory.read_port()
        writes = memory.write_port()
        is_reading = Signal()
        is_writing = Signal()
        read_address = Signal.like(self.read_address, name="read_here", reset_less=True)
        write_address = Signal.like(self.write_address, name="write_here", reset_less=True)
        written = Signal(self._width, reset_less=True)
        written_late = Signal(self._width, reset_less=True)
        written_last = Signal(self._width, reset_less=True)
        meets = Signal()
        meets_late = Signal(reset_less=True)
        meets_last = Signal(reset_less=True)
        output = Signal(self._width, reset_less=True)
        word = Signal(self._width, reset_less=True)
        m.d.sync += [
            is_reading.eq(self.read),
            is_writing.eq(self.write),
            read_address.eq(self.read_address),
            write_address.eq(self.write_address),
            written.eq(self.write_data),
            written_late.eq(written),
            written_last.eq(written_late),
            meets_late.eq(meets),
            meets_last.eq(meets_late),
            output.eq(reads.data),
            word.eq(Mux(meets_last, written_last, output)),
        ]
        m.d.comb += [
            meets.eq(is_writing & (write_address == read_address)),
            reads.addr.eq(read_address),
            reads.en.eq(is_reading),
            writes.addr.eq(write_address),
            writes.en.eq(is_writing),
            writes.data.eq(written),
            self.data.eq(word),
        ]
        return m

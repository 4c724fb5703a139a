"""The activation buffer: banks that belong to one client at a time, by the clock, so that nobody ever waits."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.stream import check_range

CLIENTS = latency.SLOTS
"""On either side: one for each bank in every cycle."""

TURN = 2
"""Cycles from clients to their banks, and from banks to their clients."""

PHASE = (latency.SLOTS - 1).bit_length()
"""Bits of the counter that all clients see: it goes up by 1 every cycle, from 7 to 0."""


def _line(lines):
    return unsigned(max((lines - 1).bit_length(), 1))


def read_client(side, lines):
    """Signature of who reads a buffer: ``valid`` and ``line`` (below *lines*), and later ``word``, P bytes."""
    return wiring.Signature({"valid": Out(1), "line": Out(_line(lines)), "word": In(8 * side)})


def write_client(side, lines):
    """Signature of who writes a buffer: ``valid``, ``line`` (below *lines*) and ``word``, P bytes."""
    return wiring.Signature({"valid": Out(1), "line": Out(_line(lines)), "word": Out(8 * side)})


def check_buffer(side, words):
    """Raise a ValueError of one sentence unless a buffer can have *words* words of *side* bytes."""
    check_range("side of a slot buffer", side, 1, 64)
    check_range("words of a slot buffer", words, latency.SLOTS, 1 << 20)
    if words % latency.SLOTS:
        raise ValueError(f"words of a slot buffer must be a multiple of its {latency.SLOTS} banks, not {words}")


def check_client(client):
    """Raise a ValueError of one sentence unless a buffer has such a client."""
    check_range("client of a slot buffer", client, 0, CLIENTS - 1)


class SlotBuffer(wiring.Component):
    """Eight banks; in a cycle with phase p, client c has bank ``(p + c) % 8``, to read and to write, for itself.

    Word a of the buffer is line ``a // 8`` of bank ``a % 8``. No client is ever refused, or waits for another.

    Parameters
    ----------
    side
        Bytes of a word, P, 1 to 64.
    words
        A multiple of 8, to 1,048,576. They are 0 until they are written; a reset leaves them as they are.

    Attributes
    ----------
    phase : Signal, in
        Goes up by 1 every cycle, from 7 to 0. Where it jumps, words that are on their way to readers are lost.
    reads : array of 8 read clients, in
        ``valid``, ``line``: a read of the client's bank of this cycle; ``word``: what it returns, ``latency_cycles``
        later (between reads, anything).
    writes : array of 8 write clients, in
        ``valid``, ``line``, ``word``: a write to the client's bank of this cycle.

    A read returns what was written in the last cycle before its own in which its word was written. If its word is
    written in the same cycle, which only the write client of the same number can do, it may return anything; the word
    that is written is right all the same.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, words):
        check_buffer(side, words)
        self._side = side
        self._lines = words // latency.SLOTS
        super().__init__(
            {
                "phase": In(PHASE),
                "reads": In(read_client(side, self._lines)).array(CLIENTS),
                "writes": In(write_client(side, self._lines)).array(CLIENTS),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from a read to its word."""
        return latency.SLOT_BUFFER

    def elaborate(self, platform):
        m = Module()
        to_banks, to_clients = Signal(PHASE), Signal(PHASE)
        m.d.comb += [
            to_banks.eq(-self.phase),
            to_clients.eq(self.phase - (latency.SLOT_BUFFER - TURN)),
        ]
        reads = [Cat(read.valid, read.line) for read in self.reads]
        writes = [Cat(write.valid, write.word, write.line) for write in self.writes]
        reads = _turn(m, reads, to_banks, name="read")
        writes = _turn(m, writes, to_banks, name="write")
        outputs = [self._bank(m, *bank) for bank in zip(range(latency.SLOTS), reads, writes, strict=True)]
        words = _turn(m, outputs, to_clients, name="word")
        m.d.comb += [read.word.eq(word) for read, word in zip(self.reads, words, strict=True)]
        return m

    def _bank(self, m, bank, read, write):
        """Build the memory of a bank, and return the register behind its output."""
        memory = Memory(shape=8 * self._side, depth=self._lines, init=[], attrs={"no_rw_check": 1})
        m.submodules[f"bank_{bank}"] = memory
        reads, writes = memory.read_port(), memory.write_port()
        output = Signal(8 * self._side, name=f"bank_{bank}_output", reset_less=True)
        m.d.comb += [Cat(reads.en, reads.addr).eq(read), Cat(writes.en, writes.data, writes.addr).eq(write)]
        m.d.sync += output.eq(reads.data)
        return output


def _turn(m, values, by, *, name):
    """Return registers of which place n holds the value of place ``n + by``, `TURN` cycles later.

    Banks lie far from clients, so two bits of *by* make the first step, and the third the second.
    """
    late = Signal(name=f"{name}_turn", reset_less=True)
    m.d.sync += late.eq(by[2])
    for step, (turn, distance) in enumerate(((by[:2], 1), (late, 4))):
        turned = [
            Signal(len(value), name=f"{name}_{step}_{place}", reset_less=True) for place, value in enumerate(values)
        ]
        with m.Switch(turn):
            for amount in range(1 << len(turn)):
                with m.Case(amount):
                    for place, register in enumerate(turned):
                        m.d.sync += register.eq(values[(place + distance * amount) % CLIENTS])
        values = turned
    return values

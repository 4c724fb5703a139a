"""A memory of its own for what one engine reads in runs: weights."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.isa import COUNT
from vitaccel_rtl.stream import check_range

MEMORY = 2
"""Cycles from an address to the register behind the memory's output."""


class WordMemory(wiring.Component):
    """Words that are written one by one and read in runs, as from a slot buffer, but without banks.

    Parameters
    ----------
    bits
        Of a word, 1 to 512.
    words
        1 to 1,048,576. They are 0 until they are written; a reset leaves them as they are.

    Attributes
    ----------
    write_valid, write_address, write_word : Signal, in
        A write, in any cycle.
    start, address, count : Signal, in
        A run of 0 to 65,535 words (0: none) from *address* on, inside the memory. Runs start 8 cycles apart or more,
        as they do where all start in cycles of phase 0, and only when the one before has no words left: ``t0' >= t0 +
        count``.
    valid, word, last : Signal, out
        Word i of a run that started at t0, at ``t0 + latency_cycles + i``; the last of each.

    Word i of a run is what was last written at ``t0 + latency_cycles - 4 + i`` or before; if it is written in the cycle
    after that, it may be anything.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, bits, words):
        check_range("bits of a word memory", bits, 1, 512)
        check_range("words of a word memory", words, 1, 1 << 20)
        self._bits = bits
        self._words = words
        super().__init__(
            {
                "write_valid": In(1),
                "write_address": In(range(words)),
                "write_word": In(bits),
                "start": In(1),
                "address": In(range(words)),
                "count": In(COUNT),
                "valid": Out(1),
                "word": Out(bits),
                "last": Out(1),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from the start of a run to its first word."""
        return latency.READ_RUN

    def elaborate(self, platform):
        m = Module()
        memory = Memory(shape=self._bits, depth=self._words, init=[], attrs={"no_rw_check": 1})
        m.submodules.memory = memory
        self._write(m, memory.write_port())
        reads = memory.read_port()
        word = Signal(self._bits, reset_less=True)
        asks, asks_last = self._ask(m, reads)
        for stage in range(MEMORY):
            after, after_last = Signal(name=f"asked_{stage + 1}"), Signal(name=f"asked_last_{stage + 1}")
            m.d.sync += [after.eq(asks), after_last.eq(asks_last)]
            asks, asks_last = after, after_last
        m.d.sync += word.eq(reads.data)
        m.d.comb += [self.word.eq(word), self.valid.eq(asks), self.last.eq(asks_last)]
        return m

    def _write(self, m, port):
        address = Signal.like(port.addr, name="writes_at", reset_less=True)
        word = Signal.like(port.data, name="writes", reset_less=True)
        m.d.sync += [port.en.eq(self.write_valid), address.eq(self.write_address), word.eq(self.write_word)]
        m.d.comb += [port.addr.eq(address), port.data.eq(word)]

    def _ask(self, m, port):
        """Ask for the words of a run at their time; return whether this is done, and whether for a run's last.

        A run waits in two steps, as the next may start before its first word is asked for.
        """
        late = latency.READ_RUN - MEMORY
        before = Signal(late - 1)
        started = Cat(self.start & self.count.any(), before)  # bit i: i cycles ago
        m.d.sync += before.eq(started)
        run = {}
        for name, source in (("address", self.address), ("count", self.count)):
            first, second = (Signal(len(source), name=f"{name}_{step}", reset_less=True) for step in (1, 2))
            with m.If(started[0]):
                m.d.sync += first.eq(source)
            with m.If(started[latency.SLOTS]):
                m.d.sync += second.eq(first)
            run[name] = second
        asks, left = Signal(), Signal(COUNT, reset_less=True)
        address = Signal.like(port.addr, name="reads_at", reset_less=True)
        with m.If(started[late - 1]):
            m.d.sync += [asks.eq(1), address.eq(run["address"]), left.eq(run["count"])]
        with m.Elif(asks):
            m.d.sync += [asks.eq(left != 1), address.eq(address + 1), left.eq(left - 1)]
        m.d.comb += [port.en.eq(asks), port.addr.eq(address)]
        return asks, asks & (left == 1)

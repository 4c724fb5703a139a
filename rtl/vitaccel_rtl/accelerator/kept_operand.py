"""Kept logits as an operand of the array: probabilities of P keys, a query a word, digit by digit."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.accelerator.isa import COUNT, WORD_ADDRESS
from vitaccel_rtl.accelerator.kept_statistics import row_layout
from vitaccel_rtl.accelerator.pace import KEPT_AHEAD
from vitaccel_rtl.accelerator.run_reader import RunReader
from vitaccel_rtl.accelerator.slot_buffer import read_client
from vitaccel_rtl.accelerator.word_delay import WordDelay
from vitaccel_rtl.latency import SLOTS
from vitaccel_rtl.probability import Probability

CLIENT = 7
"""Of the activation buffer's readers: high bytes. Low bytes come through operand A's."""

STATISTICS_READ = 2
"""Of :class:`vitaccel_rtl.accelerator.kept_statistics.KeptStatistics`."""


class KeptOperand(wiring.Component):
    """From the start of a run of kept logits to digits of probabilities, `KEPT_AHEAD` frames and `READ_RUN` later.

    Parameters
    ----------
    side, words, entries
        P, words of the buffer, entries of the kept statistics.
    fraction_bits, table
        Of the powers of two.

    Attributes
    ----------
    phase : in
        Of the frame.
    start, high, count, statistics, is_low_digit : in
        A run sets out, in phase 0: where its high bytes are, how many queries, the first one's statistics, and whether
        the lower 8 bits of the probabilities are wanted.
    low : in
        The low bytes, `READ_RUN` cycles later, as operand A's reader has them.
    memory : read client, out
        Of the activation buffer.
    read_address, row : out, in
        Of the kept statistics.
    digits : out
        P bytes, unsigned.
    """

    def __init__(self, *, side, words, entries, fraction_bits, table):
        self._side, self._words = side, words
        self._powers = {"fraction_bits": fraction_bits, "table": table}
        super().__init__(
            {
                "phase": In(3),
                "start": In(1),
                "high": In(WORD_ADDRESS),
                "count": In(COUNT),
                "statistics": In(range(entries)),
                "is_low_digit": In(1),
                "low": In(8 * side),
                "memory": Out(read_client(side, words // SLOTS)),
                "read_address": Out(range(entries)),
                "row": In(row_layout(fraction_bits)),
                "digits": Out(8 * side),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.reader = reader = RunReader(side=self._side, words=self._words, client=CLIENT)
        m.submodules.lanes = lanes = Probability(lanes=self._side, **self._powers)
        wiring.connect(m, reader.memory, wiring.flipped(self.memory))
        m.d.comb += [
            reader.phase.eq(self.phase),
            reader.start.eq(self.start),
            reader.address.eq(self.high),
            reader.count.eq(self.count),
            lanes.i.valid.eq(1),
            lanes.o.ready.eq(1),
        ]
        is_low_digit = self._follow(m, lanes.latency_cycles)
        for lane, logit in enumerate(lanes.i.p.lanes):
            part = slice(8 * lane, 8 * lane + 8)
            m.d.comb += [
                logit.eq(Cat(self.low[part], reader.word[part])),
                lanes.i.p.m[lane].eq(self.row.m),
                lanes.i.p.mantissa[lane].eq(self.row.mantissa),
                lanes.i.p.exponent[lane].eq(self.row.exponent),
            ]
        digits = Cat(Mux(is_low_digit, p[:8], p[8:]) for p in lanes.o.p.lanes)
        rest = KEPT_AHEAD * SLOTS - lanes.latency_cycles
        m.submodules.wait = wait = WordDelay(width=8 * self._side, cycles=rest)
        m.d.comb += [wait.i.eq(digits), self.digits.eq(wait.o)]
        return m

    def _follow(self, m, latency_cycles):
        """Read the statistics of each query in time; return which digit the word behind the lanes is to give.

        A run may set out before the first word of the one before it is there: what it is about waits in two steps.
        """
        first = latency.READ_RUN - STATISTICS_READ
        about = Cat(self.statistics, self.is_low_digit)
        waits = [Signal(len(about), name=f"about{step}", reset_less=True) for step in range(2)]
        with m.If(self.start):
            m.d.sync += waits[0].eq(about)
        with m.If(later(m, self.start, SLOTS, name="follows")):
            m.d.sync += waits[1].eq(waits[0])
        address = Signal.like(self.read_address, name="query", reset_less=True)
        is_low_digit = Signal(name="low_digit_0", reset_less=True)
        m.d.sync += address.eq(address + 1)
        with m.If(later(m, self.start, first - 1, name="asks")):
            m.d.sync += [address.eq(waits[1][:-1]), is_low_digit.eq(waits[1][-1])]
        m.d.comb += self.read_address.eq(address)
        for stage in range(STATISTICS_READ + latency_cycles):
            before, is_low_digit = is_low_digit, Signal(name=f"low_digit_{stage + 1}", reset_less=True)
            m.d.sync += is_low_digit.eq(before)
        return is_low_digit

"""Runs of consecutive words of a slot buffer, read so that every run takes the same time to its first word."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.isa import COUNT
from vitaccel_rtl.accelerator.slot_buffer import PHASE, check_buffer, check_client, read_client

LEAVES = latency.READ_RUN - latency.SLOTS - 1
"""Cycles from the start of the frame after a run's own to where its first word goes to the output register."""


class RunReader(wiring.Component):
    """Words ``address`` to ``address + count - 1`` of a buffer, one a cycle, at a time that does not depend on where.

    A run that starts at t0 waits ``w = (address - client - 1) % 8`` cycles for its first bank; from then on every word
    meets its bank. Words wait ``7 - w`` cycles more behind the buffer, so that word i is always at the output at
    ``t0 + latency_cycles + i``.

    Parameters
    ----------
    side, words
        Of the buffer.
    client
        Which of the buffer's read clients this is.

    Attributes
    ----------
    phase : Signal, in
        The buffer's.
    start, address, count : Signal, in
        A run of 0 to 65,535 words (0: none) from *address* on, inside the buffer. ``start`` counts in cycles of phase 0
        only.
    memory : read client, out
        Of the buffer. Word i is asked for at ``t0 + 1 + w + i``.
    valid, word, last : Signal, out
        Words of runs; the last of each.

    Timing
    ------
    A run with w' may start at t0' behind one of n words with w that started at t0 if ``t0' >= t0 + n`` and
    ``t0' + w' >= t0 + w + n``. Both hold without a gap between the words if n is a multiple of 8 and w' is not less
    than w.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, words, client):
        check_buffer(side, words)
        check_client(client)
        self._side = side
        self._client = client
        super().__init__(
            {
                "phase": In(PHASE),
                "start": In(1),
                "address": In(range(words)),
                "count": In(COUNT),
                "memory": Out(read_client(side, words // latency.SLOTS)),
                "valid": Out(1),
                "word": Out(8 * side),
                "last": Out(1),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from the start of a run to its first word."""
        return latency.READ_RUN

    def elaborate(self, platform):
        m = Module()
        wait, started = Signal(PHASE, reset_less=True), Signal()
        line, count = Signal.like(self.memory.line, name="line", reset_less=True), Signal(COUNT, reset_less=True)
        starts, first_wait = Signal(), Signal(PHASE)
        m.d.comb += [
            starts.eq(self.start & self.count.any()),
            first_wait.eq(self.address - self._client - 1),
        ]
        # Whether the next cycle is the one in which the client meets the bank of a run's first word.
        begins = Signal()
        m.d.sync += begins.eq(started & (self.phase == wait))
        with m.If(self.phase == 0):
            m.d.sync += [
                begins.eq(starts & (first_wait == 0)),
                started.eq(starts),
                wait.eq(first_wait),
                line.eq(self.address >> PHASE),
                count.eq(self.count),
            ]
        self._ask(m, begins, line, count)
        self._answer(m, started, wait, count)
        return m

    def _ask(self, m, begins, first_line, count):
        """Ask for the words of a run, the first where it begins, and for one each cycle from then on."""
        asks = Signal()
        line, left = Signal.like(first_line, name="next_line", reset_less=True), Signal(COUNT, reset_less=True)
        this_line, this_left = Signal.like(line, name="this_line"), Signal(COUNT)
        m.d.comb += [
            this_line.eq(Mux(begins, first_line, line)),
            this_left.eq(Mux(begins, count, left)),
            self.memory.valid.eq(begins | asks),
            self.memory.line.eq(this_line),
        ]
        in_last_bank = self.phase == (latency.SLOTS - 1 - self._client)
        m.d.sync += [line.eq(this_line + in_last_bank), left.eq(this_left - 1)]
        with m.If(self.memory.valid):
            m.d.sync += asks.eq(this_left != 1)

    def _answer(self, m, started, wait, count):
        """Let each word wait in the place of the cycle in which it came, and take it out at the run's own distance."""
        m.submodules.delay = delay = Memory(shape=8 * self._side, depth=latency.SLOTS, init=[])
        writes, reads = delay.write_port(), delay.read_port(domain="comb")
        follows, next_wait = Signal(), Signal(PHASE, reset_less=True)
        next_count = Signal(COUNT, reset_less=True)
        with m.If(self.phase == 0):
            m.d.sync += [follows.eq(started), next_wait.eq(wait), next_count.eq(count)]
        answers, left = Signal(), Signal(COUNT, reset_less=True)
        distance = Signal(PHASE, reset_less=True)
        # A word that comes w cycles later than it could leaves 8 - w cycles later: its place is w ahead of this one's.
        with m.If(follows & (self.phase == LEAVES - 1)):
            m.d.sync += [answers.eq(1), left.eq(next_count), distance.eq(next_wait)]
        with m.Elif(answers):
            m.d.sync += [answers.eq(left != 1), left.eq(left - 1)]
        word = Signal(8 * self._side, reset_less=True)
        m.d.comb += [
            writes.en.eq(1),
            writes.addr.eq(self.phase),
            writes.data.eq(self.memory.word),
            reads.addr.eq(self.phase + distance),
            self.word.eq(word),
        ]
        m.d.sync += [word.eq(reads.data), self.valid.eq(answers), self.last.eq(answers & (left == 1))]

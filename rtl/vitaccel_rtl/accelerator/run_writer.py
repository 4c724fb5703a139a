"""Runs of words that come one a cycle, written to consecutive words of a slot buffer."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.isa import COUNT
from vitaccel_rtl.accelerator.slot_buffer import PHASE, check_buffer, check_client, write_client
from vitaccel_rtl.accelerator.waiting_line import WaitingLine


class RunWriter(wiring.Component):
    """Word i of a run is at the input at ``t + i``, and is written to ``address + i`` at ``t + 2 + w + i``.

    ``w = (address - client - 2 - phase(t)) % 8`` is the wait of the first word for its bank; the others find theirs
    when they come.

    Parameters
    ----------
    side, words
        Of the buffer.
    client
        Which of the buffer's write clients this is.

    Attributes
    ----------
    phase : Signal, in
        The buffer's.
    start, address, count : Signal, in
        A run of 0 to 65,535 words (0: none) from *address* on, inside the buffer; in any cycle, t.
    word : Signal, in
        The words, the first with ``start``, one a cycle.
    memory : write client, out
        Of the buffer.

    Timing
    ------
    A run with w' may start at t' behind one of n words with w that started at t if ``t' >= t + n`` and
    ``t' + w' >= t + w + n``. A :class:`~vitaccel_rtl.accelerator.run_reader.RunReader` that starts at ``t + n +
    WRITE_RUN`` or later reads all of them. So does one that starts at ``t + 9``, while the run is being written: it
    walks behind the writer, which writes the first word at ``t + 9`` at the latest.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, words, client):
        check_buffer(side, words)
        check_client(client)
        self._sizes = {"side": side, "words": words, "client": client}
        super().__init__(
            {
                "phase": In(PHASE),
                "start": In(1),
                "address": In(range(words)),
                "count": In(COUNT),
                "word": In(8 * side),
                "memory": Out(write_client(side, words // latency.SLOTS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.line = line = WaitingLine(**self._sizes)
        wiring.connect(m, line.memory, wiring.flipped(self.memory))
        runs = Signal()
        address, left = Signal.like(self.address, reset_less=True), Signal(COUNT, reset_less=True)
        this_left = Signal(COUNT)
        m.d.comb += [
            line.phase.eq(self.phase),
            line.address.eq(Mux(self.start, self.address, address)),
            line.word.eq(self.word),
            line.put.eq(Mux(self.start, self.count.any(), runs)),
            this_left.eq(Mux(self.start, self.count, left)),
        ]
        m.d.sync += [address.eq(line.address + 1), left.eq(this_left - 1)]
        with m.If(line.put):
            m.d.sync += runs.eq(this_left != 1)
        return m

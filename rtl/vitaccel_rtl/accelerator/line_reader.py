"""Runs of consecutive words of a slot buffer, for who takes them when he will."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.isa import COUNT
from vitaccel_rtl.accelerator.slot_buffer import PHASE, check_buffer, check_client, read_client
from vitaccel_rtl.credit_queue import CreditQueue
from vitaccel_rtl.stream import Stages

PLACES = 2 * latency.SLOTS
"""Words asked for and not yet taken. Where there is no place the turn is missed, and the next is 8 cycles later; those
that are there last until its word comes, 5 cycles after that."""


class LineReader(wiring.Component):
    """Words of runs in order, one a cycle from the first one's bank on, as far as there are places for them.

    A run accepted at t waits ``w = (address - client - 1 - phase(t)) % 8`` cycles for its first bank. Its word i is
    offered at ``t + latency_cycles + w + i``, or in the cycle after the one before it was taken.

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
    i : stream
        Runs: ``address``, ``count`` (1 to 65,535), ``last``.
    o : stream
        ``word`` (P bytes), ``last``: the last word of a run that had it.
    memory : read client, out
        Of the buffer.

    Timing
    ------
    Word i of a run is asked for in the first cycle in which the client meets its bank, that is

    - ``t + 1`` or later,
    - later than that of the word before it, and
    - later than the one in which the word 16 before it, of this run or others, was taken.

    The next run is accepted in the cycle in which the last word is asked for, or later. Runs of a multiple of 8 words
    that begin in the same bank follow each other without a gap.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, words, client):
        check_buffer(side, words)
        check_client(client)
        self._client = client
        self._word = data.StructLayout({"word": 8 * side, "last": 1})
        run = data.StructLayout({"address": range(words), "count": COUNT, "last": 1})
        super().__init__(
            {
                "phase": In(PHASE),
                "i": In(stream.Signature(run)),
                "o": Out(stream.Signature(self._word)),
                "memory": Out(read_client(side, words // latency.SLOTS)),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from accepting a run to offering its first word, when that need not wait for its bank."""
        return latency.LINE_READER

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = CreditQueue(self._word, depth=PLACES)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        run = Signal.like(self.i.p, name="run", reset_less=True)
        runs, meets, is_last = Signal(), Signal(), Signal()
        m.d.comb += [
            meets.eq(run.address[:PHASE] == (self.phase + self._client)[:PHASE]),
            is_last.eq(run.count == 1),
            self.memory.valid.eq(runs & meets & queue.has_place),
            self.memory.line.eq(run.address[PHASE:]),
            queue.reserve.eq(self.memory.valid),
            self.i.ready.eq(~runs | (self.memory.valid & is_last)),
        ]
        with m.If(self.i.ready):
            m.d.sync += [runs.eq(self.i.valid), run.eq(self.i.p)]
        with m.Elif(self.memory.valid):
            m.d.sync += [run.address.eq(run.address + 1), run.count.eq(run.count - 1)]
        stages = Stages(m, 1)
        m.d.comb += [
            queue.arrives.eq(stages.flags(self.memory.valid, latency.SLOT_BUFFER, name="asked")[-1]),
            queue.word.last.eq(stages.delay(is_last & run.last, latency.SLOT_BUFFER, name="last")),
            queue.word.word.eq(self.memory.word),
        ]
        return m

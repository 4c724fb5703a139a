"""Words that come when they will, written to a slot buffer."""

from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.slot_buffer import PHASE, check_buffer, check_client, write_client
from vitaccel_rtl.accelerator.waiting_line import WaitingLine
from vitaccel_rtl.stream import Stages


class LineWriter(wiring.Component):
    """Each word waits in the place of its bank, for nobody but its bank.

    A word accepted at t is written at ``t + 2 + w``, ``w = (address - client - 2 - phase(t)) % 8``, and is not accepted
    while another waits for the same bank, which it does until ``t + 1 + w`` (a word may be accepted in that cycle). So
    words of consecutive addresses are accepted whenever they come; a word from elsewhere may have to wait up to 8
    cycles.

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
    i : stream
        ``word`` (P bytes), ``address``, ``ends`` (the next address is not the next one: not read, as no word waits for
        those behind it), ``last`` (of a job). ``ready`` depends on the address in the same cycle.
    done : Signal, out
        High in the cycle that is ``latency_cycles`` after the one in which a word with ``last`` was accepted. Runs that
        start ``DONE_TO_START`` cycles later find it, and all words that were accepted before it.
    memory : write client, out
        Of the buffer.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, side, words, client):
        check_buffer(side, words)
        check_client(client)
        self._sizes = {"side": side, "words": words, "client": client}
        word = data.StructLayout({"word": 8 * side, "address": range(words), "ends": 1, "last": 1})
        super().__init__(
            {
                "phase": In(PHASE),
                "i": In(stream.Signature(word)),
                "done": Out(1),
                "memory": Out(write_client(side, words // latency.SLOTS)),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from accepting a word with ``last`` to its ``done``."""
        return latency.LINE_WRITER

    def elaborate(self, platform):
        m = Module()
        m.submodules.line = line = WaitingLine(**self._sizes)
        wiring.connect(m, line.memory, wiring.flipped(self.memory))
        m.d.comb += [
            line.phase.eq(self.phase),
            line.address.eq(self.i.p.address),
            line.word.eq(self.i.p.word),
            self.i.ready.eq(line.room),
            line.put.eq(self.i.valid & self.i.ready),
        ]
        m.d.comb += self.done.eq(Stages(m, 1).flags(line.put & self.i.p.last, latency.LINE_WRITER, name="done")[-1])
        return m

"""A pipeline that never stalls: the words on their way have places in a queue behind it."""

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.credit_queue import CreditQueue
from vitaccel_rtl.stream import Stages, check_range

MOST_STAGES = 62
"""A queue has 64 places, and two more than there are stages keep words flowing."""


class Flow(wiring.Component):
    """Base of blocks that make one word of each word, in stages that load in every cycle.

    What lets the registers of a :class:`vitaccel_rtl.stream.Pipeline` load must reach all of them within a cycle; in a
    block of several thousand registers that is its longest path. Here nothing does: a word sets out when there is a
    place for it in the queue. One word a cycle is accepted and offered, and ``i.ready`` is a register.

    A subclass implements :meth:`connect`.

    Parameters
    ----------
    i, o
        Layouts of a word at the input and at the output; both have ``last``, which this class carries along.
    stages
        1 to 62.
    """

    def __init__(self, *, i, o, stages):
        check_range("stages of a flow", stages, 1, MOST_STAGES)
        self._stages = stages
        super().__init__({"i": In(stream.Signature(i)), "o": Out(stream.Signature(o))})

    @property
    def latency_cycles(self):
        """Cycles from accepting a word to offering its result, when the queue is empty."""
        return self._stages + latency.CREDIT_QUEUE

    @property
    def interval_cycles(self):
        """Cycles from accepting a word to accepting the next, while results are taken as they come."""
        return latency.WORD_INTERVAL

    def connect(self, m, stages, out):
        """Build the data path from ``self.i.p`` to *out*, the word for the queue (all of it but ``last``).

        Parameters
        ----------
        m
            The module of this block.
        stages
            :class:`vitaccel_rtl.stream.Stages` of this block; their ``advance`` is 1.
        out
            Signal of the output's layout.
        """
        raise NotImplementedError

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, Const(1))
        m.submodules.queue = queue = CreditQueue(self.o.p.shape(), depth=self._stages + 2)
        sets_out = Signal()
        out = Signal(self.o.p.shape())
        m.d.comb += [
            self.i.ready.eq(queue.has_place),
            sets_out.eq(self.i.valid & queue.has_place),
            queue.reserve.eq(sets_out),
            queue.arrives.eq(stages.flags(sets_out, self._stages, name="valid")[-1]),
            out.last.eq(stages.delay(self.i.p.last, self._stages, name="last")),
            queue.word.eq(out),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        self.connect(m, stages, out)
        return m

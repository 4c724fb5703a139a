"""A queue of words between two streams."""

from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.stream import check_range

LEAST_DEPTH = 3
"""With fewer words the memory behind the output register could not be read and written in every cycle."""


class StreamFifo(wiring.Component):
    """First in, first out: *depth* words in a memory with a registered output, one word a cycle in and out.

    Parameters
    ----------
    shape
        Shape of the payload.
    depth
        Words held, 3 to 65,536.

    Attributes
    ----------
    i, o : stream
        Words of *shape*.
    level : Signal, out
        Words held.

    Raises
    ------
    ValueError
        If the depth is out of its range.
    """

    def __init__(self, shape, *, depth):
        check_range("depth of a queue", depth, LEAST_DEPTH, 1 << 16)
        self._shape = shape
        self._depth = depth
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "level": Out(range(depth + 1)),
            }
        )

    @property
    def depth(self):
        """Words held at most."""
        return self._depth

    @property
    def latency_cycles(self):
        """Cycles from accepting a word to offering it, when the queue is empty."""
        return latency.STREAM_FIFO

    @property
    def interval_cycles(self):
        """Cycles from accepting a word to accepting the next, while results are taken as they come."""
        return latency.WORD_INTERVAL

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = fifo.SyncFIFOBuffered(width=Shape.cast(self._shape).width, depth=self._depth)
        write = Signal()
        m.d.comb += [
            write.eq(self.i.valid & self.i.ready),
            queue.w_data.eq(Value.cast(self.i.payload)),
            queue.w_en.eq(write),
            self.i.ready.eq(queue.w_rdy),
            Value.cast(self.o.payload).eq(queue.r_data),
            queue.r_en.eq(self.o.ready),
            self.o.valid.eq(queue.r_rdy),
            self.level.eq(queue.level),
        ]
        return m

"""The data buffer of the read engine: a memory whose places are reserved before the beats are requested."""

from amaranth.hdl import Module, Mux, Shape, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import dma_latency, latency
from vitaccel_rtl.credit_queue import CreditQueue
from vitaccel_rtl.stream import check_range


class BeatBuffer(wiring.Component):
    """First in, first out, for beats that cannot be kept waiting: who requests them sees to it that they have room.

    The memory's output is a register of its own, as a block RAM takes most of a cycle; a short queue behind it takes
    what is on its way when ``o`` is not ready.

    Parameters
    ----------
    shape
        Shape of a beat.
    depth
        Beats in the memory, 3 to 65,536.

    Attributes
    ----------
    arrives, beat : Signal, in
        A beat, which is always taken; there must be room.
    leaves : Signal, out
        A beat has left the memory: there is room for one more in the next cycle.
    o : stream
        The beats, one a cycle; offered ``latency_cycles`` after they arrived if the buffer was empty.

    Raises
    ------
    ValueError
        If the depth is out of its range.
    """

    def __init__(self, shape, *, depth):
        check_range("depth of a beat buffer", depth, 3, 1 << 16)
        self._shape = shape
        self._depth = depth
        super().__init__(
            {"arrives": In(1), "beat": In(shape), "leaves": Out(1), "o": Out(stream.Signature(shape))},
        )

    @property
    def latency_cycles(self):
        """Cycles from the arrival of a beat to offering it, when the buffer is empty."""
        return dma_latency.BEAT_BUFFER

    def elaborate(self, platform):
        m = Module()
        width = Shape.cast(self._shape).width
        m.submodules.memory = memory = Memory(shape=width, depth=self._depth, init=[])
        on_its_way = dma_latency.BEAT_BUFFER - latency.CREDIT_QUEUE
        m.submodules.queue = queue = CreditQueue(self._shape, depth=on_its_way + 1)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        writes, reads = memory.write_port(), memory.read_port()
        held = Signal(range(self._depth + 1))
        holds_some = Signal()
        is_read = Signal()
        output = Signal(width, reset_less=True)
        m.d.comb += [
            self.leaves.eq(holds_some & queue.has_place),
            queue.reserve.eq(self.leaves),
            writes.en.eq(self.arrives),
            writes.data.eq(Value.cast(self.beat)),
            reads.en.eq(self.leaves & ~(self.arrives & (writes.addr == reads.addr))),
            Value.cast(queue.word).eq(output),
        ]
        m.d.sync += [is_read.eq(self.leaves), queue.arrives.eq(is_read), output.eq(reads.data)]
        for port, moves in ((writes, self.arrives), (reads, self.leaves)):
            with m.If(moves):
                m.d.sync += port.addr.eq(Mux(port.addr == self._depth - 1, 0, port.addr + 1))
        # A beat is read in the cycle after its arrival or later, so no place is written and read in one cycle. That the
        # enable says so lets synthesis see it: no logic is needed behind the memory for what it would return then.
        with m.If(self.arrives & ~self.leaves):
            m.d.sync += [held.eq(held + 1), holds_some.eq(1)]
        with m.If(self.leaves & ~self.arrives):
            m.d.sync += [held.eq(held - 1), holds_some.eq(held != 1)]
        return m

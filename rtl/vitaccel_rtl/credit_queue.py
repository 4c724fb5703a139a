"""A queue behind a pipeline that cannot stop: places are reserved before words set out."""

from amaranth.hdl import Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.stream import check_range


class CreditQueue(wiring.Component):
    """First in, first out, for words that arrive when they will and are taken when somebody is ready.

    Parameters
    ----------
    shape
        Shape of a word.
    depth
        Places, 2 to 64. A reservation lasts from the cycle of ``reserve`` until its word is accepted at ``o``; so words
        that arrive r cycles after it need r + 2 places to flow at one a cycle.

    Attributes
    ----------
    has_place, has_two_places : Signal, out
        Whether a place may be reserved in this cycle, and another in the next; registers.
    reserve : Signal, in
        Reserves one; only while ``has_place``.
    arrives, word : Signal, in
        The word of the oldest reservation that has none is there.
    o : stream
        The words, in the order in which they arrived; offered ``latency_cycles`` after that if the queue was empty.

    Raises
    ------
    ValueError
        If the depth is out of its range.
    """

    def __init__(self, shape, *, depth):
        check_range("depth of a credit queue", depth, 2, 64)
        self._shape = shape
        self._depth = depth
        super().__init__(
            {
                "has_place": Out(1, init=1),
                "has_two_places": Out(1, init=1),
                "reserve": In(1),
                "arrives": In(1),
                "word": In(shape),
                "o": Out(stream.Signature(shape)),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from the arrival of a word to offering it, when the queue is empty."""
        return latency.CREDIT_QUEUE

    def elaborate(self, platform):
        m = Module()
        self._count_places(m)
        self._pass_words(m)
        return m

    def _count_places(self, m):
        reserved = Signal(range(self._depth + 1))
        # What reserves and what frees a place come late in the cycle: all outcomes are there before them.
        frees = Signal()
        fewer = [reserved < self._depth - less if self._depth > less else Const(0) for less in range(3)]
        m.d.comb += frees.eq(self.o.valid & self.o.ready)
        with m.If(frees ^ self.reserve):
            m.d.sync += [
                reserved.eq(Mux(self.reserve, reserved + 1, reserved - 1)),
                self.has_place.eq(frees | fewer[1]),
                self.has_two_places.eq(Mux(frees, fewer[0], fewer[2])),
            ]

    def _pass_words(self, m):
        """Words wait in distributed memory; the first of them stands in a register."""
        front = Signal(Shape.cast(self._shape).width, reset_less=True)
        full = Signal()
        m.submodules.memory = memory = Memory(shape=len(front), depth=self._depth, init=[])
        writes = memory.write_port()
        reads = memory.read_port(domain="comb")
        write_place = Signal(range(self._depth))
        read_place = Signal(range(self._depth))
        waiting = Signal(range(self._depth))
        some_wait = Signal()
        arriving = Value.cast(self.word)
        moves = ~full | self.o.ready
        m.d.comb += [
            self.o.valid.eq(full),
            Value.cast(self.o.payload).eq(front),
            writes.addr.eq(write_place),
            writes.data.eq(arriving),
            # Every word has its place, also one that goes on at once: so writing does not wait for `moves`.
            writes.en.eq(self.arrives),
            reads.addr.eq(read_place),
        ]
        with m.If(moves):
            m.d.sync += [front.eq(Mux(some_wait, reads.data, arriving)), full.eq(some_wait | self.arrives)]
        with m.If(self.arrives):
            m.d.sync += write_place.eq(Mux(write_place == self._depth - 1, 0, write_place + 1))
        with m.If(moves & (some_wait | self.arrives)):
            m.d.sync += read_place.eq(Mux(read_place == self._depth - 1, 0, read_place + 1))
        # `moves` comes late in the cycle: both outcomes are there before it, which only lets them in.
        with m.If(Mux(moves, some_wait & ~self.arrives, self.arrives)):
            m.d.sync += [
                waiting.eq(Mux(self.arrives, waiting + 1, waiting - 1)),
                some_wait.eq(self.arrives | (waiting != 1)),
            ]


def enqueue(m, words, queue):
    """Let a stream put its words into a queue as they are offered: a register slice whose ``ready`` reaches one side.

    Parameters
    ----------
    m
        The module that this becomes part of.
    words
        The stream.
    queue
        :class:`CreditQueue` of the stream's payload; two places keep a word a cycle moving.
    """
    moves = words.valid & queue.has_place
    m.d.comb += [
        words.ready.eq(queue.has_place),
        queue.reserve.eq(moves),
        queue.arrives.eq(moves),
        queue.word.eq(words.p),
    ]

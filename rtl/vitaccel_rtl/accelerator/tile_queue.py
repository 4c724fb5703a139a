"""A queue for what goes along with tiles: pushed when a tile sets out, read by a stage that it reaches later."""

from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

DEPTH = 8
"""Tiles between two stages: they follow each other by P cycles or more, and P is 4 at least."""


class TileQueue(wiring.Component):
    """First in, first out, without a handshake: who pushes and who pops know that there is room, and a word.

    Parameters
    ----------
    shape
        Of a word.

    Attributes
    ----------
    push, word : in
        A word is there; it is at ``head`` from the next cycle on, if the queue was empty.
    head : out
        The oldest word.
    pop : Signal, in
        It is not needed any more.
    """

    def __init__(self, shape):
        self._shape = shape
        super().__init__({"push": In(1), "word": In(shape), "pop": In(1), "head": Out(shape)})

    def elaborate(self, platform):
        m = Module()
        width = Shape.cast(self._shape).width
        m.submodules.memory = memory = Memory(shape=width, depth=DEPTH, init=[])
        writes, reads = memory.write_port(), memory.read_port(domain="comb")
        to, of = Signal(range(DEPTH)), Signal(range(DEPTH))
        m.d.comb += [
            writes.addr.eq(to),
            writes.data.eq(Value.cast(self.word)),
            writes.en.eq(self.push),
            reads.addr.eq(of),
            Value.cast(self.head).eq(reads.data),
        ]
        m.d.sync += [to.eq(to + self.push), of.eq(of + self.pop)]
        return m

"""Words, so many cycles later: a ring of distributed memory, where as many registers would be too many."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.stream import check_range


class WordDelay(wiring.Component):
    """A word every cycle, and at the output the one of *cycles* ago.

    Parameters
    ----------
    width
        Bits of a word, 1 to 4096.
    cycles
        2 to 64.

    Attributes
    ----------
    i, o : Signal, in, out
        The words.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, width, cycles):
        check_range("width of a word delay", width, 1, 4096)
        check_range("cycles of a word delay", cycles, 2, 64)
        self._width = width
        self._cycles = cycles
        super().__init__({"i": In(width), "o": Out(width)})

    @property
    def latency_cycles(self):
        """Cycles from the input to the output."""
        return self._cycles

    def elaborate(self, platform):
        m = Module()
        # The output register is one of the cycles; a place is read in the cycle in which it is written anew.
        places = self._cycles - 1
        m.submodules.memory = memory = Memory(shape=self._width, depth=places, init=[])
        writes, reads = memory.write_port(), memory.read_port(domain="comb")
        place = Signal(range(places))
        word = Signal(self._width, reset_less=True)
        m.d.sync += [place.eq(Mux(place == places - 1, 0, place + 1)), word.eq(reads.data)]
        m.d.comb += [
            writes.en.eq(1),
            writes.addr.eq(place),
            writes.data.eq(self.i),
            reads.addr.eq(place),
            self.o.eq(word),
        ]
        return m

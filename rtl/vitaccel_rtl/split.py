"""A stage that makes one or more words of each: the base of what cuts the rows of a descriptor into pieces."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Split(wiring.Component):
    """Keeps a state for the word it took, and offers pieces of it, one a cycle, until one ends it.

    A subclass says what a word is as a state (:meth:`taken`) and what follows from a state (:meth:`piece`). The next
    word is taken in the cycle in which the last piece is accepted, so that words of one piece pass one a cycle;
    ``i.ready`` follows from ``o.ready`` in the same cycle.

    Parameters
    ----------
    i, o
        Shapes of a word and of a piece.
    state
        ``data.StructLayout`` of what is kept.
    """

    def __init__(self, *, i, o, state):
        super().__init__({"i": In(stream.Signature(i)), "o": Out(stream.Signature(o))})
        self._state = state

    def taken(self, m, word):
        """Return the state of a *word*, by fields."""
        raise NotImplementedError

    def piece(self, m, state):
        """Return the piece that a state offers, whether it is the last one, and the state after it.

        The piece and the state after are dicts by fields; a field that is not named stays as it is.
        """
        raise NotImplementedError

    def elaborate(self, platform):
        m = Module()
        full = Signal()
        state = Signal(self._state, reset_less=True)
        piece, ends, rest = self.piece(m, state)
        m.d.comb += [self.o.valid.eq(full), self.i.ready.eq(~full | (self.o.ready & ends))]
        m.d.comb += [self.o.p[name].eq(value) for name, value in piece.items()]
        with m.If(self.i.ready):
            m.d.sync += full.eq(self.i.valid)
            m.d.sync += [state[name].eq(value) for name, value in self.taken(m, self.i.p).items()]
        with m.Elif(self.o.ready):
            m.d.sync += [state[name].eq(value) for name, value in rest.items()]
        return m

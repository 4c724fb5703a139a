"""One stream to many: every word says where it goes."""

from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.stream import check_range


class Router(wiring.Component):
    """Each word to the output that a field of it names, a word a cycle, through a register.

    Parameters
    ----------
    shape
        Struct of a word.
    destinations
        N, 2 to 32.
    field
        Name of the field, unsigned, with the index of the output. A word for none of them is taken and goes nowhere.

    Attributes
    ----------
    i : stream
        Words of *shape*.
    o : array of streams
        The same words.

    Words keep their order, also between outputs: a word that an output does not take holds up those behind it.
    ``i.ready`` follows from that output's ``ready`` in the same cycle.

    Raises
    ------
    ValueError
        If there are too few or too many outputs, or the field is not there or cannot name all of them.
    """

    def __init__(self, shape, *, destinations, field="destination"):
        check_range("destinations of a router", destinations, 2, 32)
        if not (isinstance(shape, data.StructLayout) and field in shape.members):
            raise ValueError(f"words of a router must have a field {field!r}, not be {shape!r}")
        destination = Shape.cast(shape.members[field])
        if destination.signed or 1 << destination.width < destinations:
            raise ValueError(
                f"field {field!r} of a router must be unsigned with {destinations} values, not {destination!r}"
            )
        self._shape = shape
        self._destinations = destinations
        self._field = field
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)).array(destinations),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from accepting a word to offering it."""
        return latency.ROUTER

    @property
    def interval_cycles(self):
        """Cycles from accepting a word to accepting the next, while outputs take theirs as they come."""
        return latency.WORD_INTERVAL

    def elaborate(self, platform):
        m = Module()
        word = Signal(self._shape, reset_less=True)
        full = Signal(self._destinations)  # a bit for each output: the word is there, and is for it
        waits = Signal()
        for place, outgoing in enumerate(self.o):
            m.d.comb += [outgoing.valid.eq(full[place]), Value.cast(outgoing.payload).eq(word)]
            with m.If(full[place] & ~outgoing.ready):
                m.d.comb += waits.eq(1)
        m.d.comb += self.i.ready.eq(~waits)
        with m.If(~waits):
            m.d.sync += Value.cast(word).eq(Value.cast(self.i.payload))
            for place in range(self._destinations):
                m.d.sync += full[place].eq(self.i.valid & (getattr(self.i.p, self._field) == place))
        return m

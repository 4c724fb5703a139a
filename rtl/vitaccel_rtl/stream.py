"""Streams of lane words: layouts, the pipeline that advances as a whole, and the skid buffer that cuts its ready path.

A stream is `amaranth.lib.stream.Signature`. Its rules, which every block keeps: *valid* never waits for *ready*; a
payload offered stays as it is until it is accepted; what comes out depends on the words that went in and not on when.
"""

from amaranth.hdl import Module, Shape, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency


def lane_word(lanes, shape, **fields):
    """Layout of a word with one element for each lane.

    Parameters
    ----------
    lanes
        Elements of a word, P; lane i owns token i of a row-block.
    shape
        Shape of an element.
    fields
        Shapes of what else comes with a word, in the order of the layout (after ``lanes``, before ``last``).

    Returns
    -------
    data.StructLayout
        ``lanes`` (``ArrayLayout(shape, P)``), the fields, and ``last``, 1 bit: the word ends its row.
    """
    return data.StructLayout({"lanes": data.ArrayLayout(shape, lanes), **fields, "last": 1})


def check_range(name, value, least, most):
    """Raise a ValueError of one sentence unless *value* is an integer from *least* to *most*."""
    if not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name} must be an integer from {least} to {most}, not {value!r}")


class Stages:
    """Registers that load only when *advance* is high; they hold data, so reset leaves them alone.

    Parameters
    ----------
    m
        The module that the registers become part of.
    advance
        One bit: all registers load, or none.
    """

    def __init__(self, m, advance):
        self.m = m
        self.advance = advance

    def register(self, value, *, name, shape=None):
        """Return *value* a stage later, of its own shape or of *shape*."""
        value = Value.cast(value)
        register = Signal(value.shape() if shape is None else Shape.cast(shape), name=name, reset_less=True)
        with self.m.If(self.advance):
            self.m.d.sync += register.eq(value)
        return register

    def delay(self, value, stages, *, name):
        """Return *value* so many stages later."""
        for stage in range(stages):
            value = self.register(value, name=f"{name}_{stage + 1}")
        return value

    def flags(self, value, stages, *, name):
        """Return the bit *value* after 0 to *stages* stages; these registers are control and are reset to 0."""
        after = [value]
        for stage in range(stages):
            flag = Signal(name=f"{name}_{stage + 1}")
            with self.m.If(self.advance):
                self.m.d.sync += flag.eq(after[-1])
            after.append(flag)
        return after


class Pipeline(wiring.Component):
    """Base of blocks that make one word of each word, in stages that advance together.

    A stage moves when the last one is empty or its word is accepted. So a word takes ``latency_cycles`` cycles at full
    speed, one word can be accepted a cycle, and all outputs are registers; ``i.ready`` follows from ``o.ready`` in the
    same cycle (a :class:`SkidBuffer` cuts that path).

    A subclass implements :meth:`connect`.

    Parameters
    ----------
    i, o
        Layouts of a word at the input and at the output; both have ``last``, which this class carries along.
    latency_cycles
        Stages, 1 or more.
    ports
        Members of the block's signature beside its two streams.
    """

    def __init__(self, *, i, o, latency_cycles, ports=None):
        check_range("latency_cycles of a pipeline", latency_cycles, 1, 255)
        self._latency_cycles = latency_cycles
        super().__init__({"i": In(stream.Signature(i)), "o": Out(stream.Signature(o)), **(ports or {})})

    @property
    def latency_cycles(self):
        """Cycles from accepting a word to offering its result, without back-pressure."""
        return self._latency_cycles

    @property
    def interval_cycles(self):
        """Cycles from accepting a word to accepting the next, while results are taken as they come."""
        return latency.WORD_INTERVAL

    def connect(self, m, stages, valid, last):
        """Build the data path from ``self.i.p`` to ``self.o.p``.

        Parameters
        ----------
        m
            The module of this block.
        stages
            :class:`Stages` of this block.
        valid, last
            Lists of bits: whether there is a word after so many stages (0: at the input), and whether it ends its row.
        """
        raise NotImplementedError

    def offered(self, valid, last):
        """Whether a word is offered when it has passed all stages: always, unless a subclass makes fewer words."""
        return valid

    def elaborate(self, platform):
        m = Module()
        advance = Signal()
        stages = Stages(m, advance)
        valid = stages.flags(self.i.valid, self.latency_cycles, name="valid")
        last = stages.flags(self.i.p.last, self.latency_cycles, name="last")
        # A register of its own: all registers wait for what follows from it.
        offered = Signal()
        with m.If(advance):
            m.d.sync += offered.eq(self.offered(valid[-2], last[-2]))
        m.d.comb += [
            self.o.valid.eq(offered),
            self.o.p.last.eq(last[-1]),
            advance.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(advance),
        ]
        self.connect(m, stages, valid, last)
        return m


class SkidBuffer(wiring.Component):
    """A register slice: both directions of a stream registered, one word a cycle.

    ``i.ready`` says that the second register is empty, so no path leads from ``o.ready`` to it.

    Parameters
    ----------
    shape
        Shape of the payload.
    """

    def __init__(self, shape):
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})
        self._shape = shape

    @property
    def latency_cycles(self):
        """Cycles from accepting a word to offering it."""
        return latency.SKID_BUFFER

    @property
    def interval_cycles(self):
        """Cycles from accepting a word to accepting the next, while results are taken as they come."""
        return latency.WORD_INTERVAL

    def elaborate(self, platform):
        m = Module()
        width = Shape.cast(self._shape).width
        front = Signal(width, reset_less=True)
        spare = Signal(width, reset_less=True)
        front_full = Signal()
        spare_full = Signal()
        arriving = Value.cast(self.i.payload)
        m.d.comb += [
            self.i.ready.eq(~spare_full),
            self.o.valid.eq(front_full),
            Value.cast(self.o.payload).eq(front),
        ]
        with m.If(~front_full | self.o.ready):
            m.d.sync += spare_full.eq(0)
            with m.If(spare_full):
                m.d.sync += [front.eq(spare), front_full.eq(1)]
            with m.Else():
                m.d.sync += [front.eq(arriving), front_full.eq(self.i.valid)]
        with m.Elif(~spare_full):
            m.d.sync += [spare.eq(arriving), spare_full.eq(self.i.valid)]
        return m

"""GELU lanes for wide codes: ReLU(x) minus an even remainder that is linear in equal segments.

The integers of `vitaccel.reference.gelu.WideGelu`, whose fields are the parameters: ``bits``, ``fraction``,
``step_bits`` and ``table`` (the knots of the remainder, with 4 guard bits; ``segments`` follows from its length).
"""

from itertools import pairwise

from amaranth.hdl import Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.stream import Pipeline, Stages, check_range, lane_word

GUARD_BITS = 4


class GeluLane(wiring.Component):
    """One lane: magnitude, a segment's start and slope, their line, and the difference to ReLU, 5 stages."""

    def __init__(self, *, bits, fraction, step_bits, table):
        self._bits = bits
        self._position_bits = fraction - step_bits
        self._segments = len(table) - 1
        self._knots = (*table, 0)
        # One segment more, level at 0, is everything beyond the last knot.
        self._starts = (*table[:-1], 0)
        self._slopes = (*(end - first for first, end in pairwise(table)), 0)
        super().__init__({"advance": In(1), "x": In(signed(bits)), "out": Out(signed(bits))})

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, self.advance)
        x, position_bits = self.x, self._position_bits
        negative = x[-1]
        # The magnitude of the smallest code saturates, so that it has a bit less than the code.
        smallest = negative & ~x[:-1].any()
        absolute = Mux(negative, -x, x)[: self._bits - 1]
        magnitude = stages.register(Mux(smallest, (1 << self._bits - 1) - 1, absolute), name="magnitude")
        rectified = stages.register(Mux(negative, 0, x[:-1]), name="rectified")

        start, slope = self._read_segment(m, magnitude[position_bits:])
        position = stages.register(magnitude[:position_bits] if position_bits else Const(0, 1), name="position")

        dropped = position_bits + GUARD_BITS
        half = 1 << dropped - 1
        # A line runs between two knots, so it is as wide as they are; no wider, because of bits that are always equal
        # Yosys makes one, which Verilator takes for a loop.
        line = _signed_shape_of([half - (knot << position_bits) for knot in self._knots])
        rise = stages.register(slope * position, name="rise")
        base = stages.register(half - (start << position_bits), name="base", shape=line)

        remainder = Signal(line)
        m.d.comb += remainder.eq(base - rise)
        remainder = stages.register(remainder[dropped:].as_signed(), name="remainder")
        total = stages.delay(rectified, 3, name="rectified") + remainder
        m.d.comb += self.out.eq(stages.register(total, name="code", shape=signed(self._bits)))
        return m

    def _read_segment(self, m, segment):
        """Read start and slope of a segment, a stage later; segments beyond the last knot share the last entry."""
        layout = data.StructLayout({"start": _shape_of(self._starts), "slope": _shape_of(self._slopes)})
        entries = [{"start": a, "slope": b} for a, b in zip(self._starts, self._slopes, strict=True)]
        m.submodules.segments = rom = memory.Memory(shape=layout, depth=len(entries), init=entries)
        port = rom.read_port()
        m.d.comb += [
            port.addr.eq(Mux(segment >= self._segments, self._segments, segment)),
            port.en.eq(self.advance),
        ]
        return port.data.start, port.data.slope


class Gelu(Pipeline):
    """P lanes of GELU or one of its relatives, one word a cycle.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    table
        Knots of the remainder (`WideGelu.table`), 2 or more, each below ``2**31`` in magnitude.
    bits
        Width of a code, 9 to 32.
    fraction
        Fraction bits of a code, below *bits*.
    step_bits
        A segment is ``2**-step_bits`` long; at most *fraction*.

    Attributes
    ----------
    i, o : stream
        ``lanes`` (signed *bits*), ``last``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, table, bits=16, fraction=12, step_bits=4):
        check_range("lanes of a gelu", lanes, 1, 256)
        check_range("bits of a gelu", bits, 9, 32)
        check_range("fraction of a gelu", fraction, 0, bits - 1)
        check_range("step_bits of a gelu", step_bits, 0, fraction)
        check_range("segments of a gelu", len(table) - 1, 1, 1 << bits - 1 - fraction + step_bits)
        for knot in table:
            check_range("a knot of a gelu", knot, 1 - (1 << 31), (1 << 31) - 1)
        self._options = {"bits": bits, "fraction": fraction, "step_bits": step_bits, "table": tuple(table)}
        word = lane_word(lanes, signed(bits))
        super().__init__(i=word, o=word, latency_cycles=latency.GELU)

    def connect(self, m, stages, valid, last):
        for i, (x, out) in enumerate(zip(self.i.p.lanes, self.o.p.lanes, strict=True)):
            lane = GeluLane(**self._options)
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [lane.advance.eq(stages.advance), lane.x.eq(x), out.eq(lane.out)]


def _shape_of(values):
    """Return the narrowest shape that holds all *values*."""
    if min(values) >= 0:
        return unsigned(max(max(values).bit_length(), 1))
    return _signed_shape_of(values)


def _signed_shape_of(values):
    low, high = min(values), max(values)
    return signed(max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + 1)

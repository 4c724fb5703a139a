"""Powers of two for softmax: ``n = 2**(y - m)`` of a fixed-point logit, by a table of its fraction and a shift.

The integers of `vitaccel.reference.exp2`: the table holds the ``mantissas`` of `Exp2` or the ``lines`` of `Exp2Linear`.
"""

from amaranth.hdl import Cat, Const, Module, signed, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.fixed_point import round_off
from vitaccel_rtl.formats import LOGIT_BITS
from vitaccel_rtl.stream import Pipeline, Stages, check_range, lane_word

NUMERATOR_BITS = 16
MANTISSA_BITS = 16

SHIFT_BITS = 5
"""Of a right shift: from 17 on, every mantissa is rounded to 0."""

LINE_BITS = 2
"""Bits of a line behind a mantissa's last."""

LINE_STAGES = latency.exp2(has_lines=True) - latency.exp2(has_lines=False) + 1
"""Stages of a mantissa by lines: read, product, sum. That of a table takes one."""


def whole_bits(fraction_bits):
    """Width of a signed m: it reaches a logit's largest value rounded up, so it has a bit more than its whole part."""
    return LOGIT_BITS - fraction_bits + 1


def has_lines(table):
    """Whether a table holds lines, pairs of base and slope, and not mantissas."""
    return not isinstance(table[0], int)


def exp2_stages(table):
    """Stages of an :class:`Exp2Lane`: 3 with a table of mantissas, 5 with one of lines."""
    return latency.exp2(has_lines=has_lines(table))


def octaves_below(m, y, fraction_bits):
    """Return by how many octaves 2**y is below 2**m, for a logit of *fraction_bits* and an m of `whole_bits`."""
    octaves = m - y[fraction_bits:].as_signed()
    return octaves[: whole_bits(fraction_bits)]


def check_powers(fraction_bits, table):
    """Raise a ValueError unless *table* holds mantissas or lines for logits of *fraction_bits*."""
    check_range("fraction_bits of powers", fraction_bits, 1, 10)
    entries = 1 << fraction_bits
    if not has_lines(table):
        if len(table) != entries:
            raise ValueError(f"mantissas of powers must be {entries}, one for each fraction, not {len(table)}")
        for mantissa in table:
            check_range("a mantissa of powers", mantissa, 1 << MANTISSA_BITS - 1, (1 << MANTISSA_BITS) - 1)
        return
    if len(table) not in [1 << n for n in range(1, fraction_bits)]:
        raise ValueError(f"lines of powers must be a power of two from 2 to {entries // 2}, not {len(table)}")
    for base, slope in table:
        check_range("the base of a line", base, 0, (1 << MANTISSA_BITS + LINE_BITS) - 1)
        top = base + slope * (entries // len(table) - 1)
        check_range("the end of a line", top, base, (1 << MANTISSA_BITS + LINE_BITS) - 1)


class Exp2Lane(wiring.Component):
    """One lane; its registers load when *advance* is high.

    Parameters
    ----------
    fraction_bits
        Of a logit behind the binary point.
    table
        Mantissas (integers) or lines (pairs of base and slope).

    Attributes
    ----------
    y : Signal, in
        Logit, int16; only its fraction counts here.
    octaves : Signal, in
        With the logit, :func:`octaves_below` an m that is at least the logit rounded up.
    drop : Signal, in
        With the logit: the numerator is 0.
    out : Signal, out
        Numerator, uq1.15, 0 to 32768, so many stages later as :func:`exp2_stages` says.
    """

    def __init__(self, *, fraction_bits, table):
        self._fraction_bits = fraction_bits
        self._table = tuple(table)
        super().__init__(
            {
                "advance": In(1),
                "y": In(signed(LOGIT_BITS)),
                "octaves": In(unsigned(whole_bits(fraction_bits))),
                "drop": In(1),
                "out": Out(unsigned(NUMERATOR_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, self.advance)
        fraction = self.y[: self._fraction_bits]
        # What is dropped, or further than the shift reaches, is shifted by all ones: a zero as a choice would become a
        # reset of all bits, and on the way to it lies what enables all registers.
        gone = self.octaves[SHIFT_BITS:].any() | self.drop
        shift = stages.register(self.octaves[:SHIFT_BITS] | gone.replicate(SHIFT_BITS), name="octaves")
        if has_lines(self._table):
            mantissa = self._line(m, stages, fraction)
            shift = stages.delay(shift, LINE_STAGES - 1, name="octaves_line")
        else:
            mantissa = self._read(m, fraction, unsigned(MANTISSA_BITS), self._table)
        shifted = stages.register(Cat(Const(0, 1), mantissa) >> shift, name="shifted")
        m.d.comb += self.out.eq(stages.register(round_off(shifted), name="numerator", shape=unsigned(NUMERATOR_BITS)))
        return m

    def _line(self, m, stages, fraction):
        """Return ``(base + slope * t) >> 2`` after three stages: read, product, sum."""
        position_bits = self._fraction_bits - (len(self._table).bit_length() - 1)
        slope_bits = max(slope for _, slope in self._table).bit_length()
        layout = data.StructLayout({"base": MANTISSA_BITS + LINE_BITS, "slope": slope_bits})
        entries = [{"base": base, "slope": slope} for base, slope in self._table]
        line = self._read(m, fraction[position_bits:], layout, entries)
        position = stages.register(fraction[:position_bits], name="position")
        rise = stages.register(line.slope * position, name="rise")
        base = stages.register(line.base, name="base")
        return stages.register((base + rise)[LINE_BITS:][:MANTISSA_BITS], name="mantissa")

    def _read(self, m, address, shape, entries):
        """Read an entry a stage later."""
        m.submodules.powers = rom = memory.Memory(shape=shape, depth=len(entries), init=entries)
        port = rom.read_port()
        m.d.comb += [port.addr.eq(address), port.en.eq(self.advance)]
        return port.data


class Exp2(Pipeline):
    """P lanes of ``2**(y - m)``, one word a cycle.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    fraction_bits
        Of a logit behind the binary point, 1 to 10.
    table
        ``2**fraction_bits`` mantissas (`Exp2.mantissas`), or lines (`Exp2Linear.lines`).

    Attributes
    ----------
    i : stream
        ``lanes`` (logits, int16), ``m`` (signed, ``17 - fraction_bits`` bits a lane, at least the logit rounded up),
        ``last``.
    o : stream
        ``lanes`` (numerators, uq1.15), ``last``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, fraction_bits, table):
        check_range("lanes of powers", lanes, 1, 256)
        check_powers(fraction_bits, table)
        self._options = {"fraction_bits": fraction_bits, "table": table}
        super().__init__(
            i=lane_word(lanes, signed(LOGIT_BITS), m=data.ArrayLayout(signed(whole_bits(fraction_bits)), lanes)),
            o=lane_word(lanes, unsigned(NUMERATOR_BITS)),
            latency_cycles=exp2_stages(table),
        )

    def connect(self, m, stages, valid, last):
        for i, out in enumerate(self.o.p.lanes):
            lane = Exp2Lane(**self._options)
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.advance.eq(stages.advance),
                lane.y.eq(self.i.p.lanes[i]),
                lane.octaves.eq(octaves_below(self.i.p.m[i], self.i.p.lanes[i], self._options["fraction_bits"])),
                out.eq(lane.out),
            ]

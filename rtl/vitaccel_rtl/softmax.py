"""Online softmax lanes of base 2: running maximum and sum on the way in, numerators on the way out.

The integers of `vitaccel.reference.softmax.OnlineSoftmax`: lane i takes the logits of query i, key by key,

    m' = max(m, ceil(y));  S = (S >> (m' - m)) + n(y, m')       statistics: one word a row
    u  = n(y, m) brought to 8, 12 or 16 bits                    numerators: one word a key, with the final m

Parameters come from that spec: ``fraction_bits``, ``numerator_bits``, and as ``table`` its ``exp2.mantissas`` (6
fraction bits) or ``exp2.lines`` (8). Masked keys are logits of -32768; they count only in a row that has nothing else.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.exp2 import (
    LOGIT_BITS,
    NUMERATOR_BITS,
    Exp2Lane,
    check_powers,
    exp2_stages,
    has_lines,
    octaves_below,
    whole_bits,
)
from vitaccel_rtl.fixed_point import round_off
from vitaccel_rtl.stream import Pipeline, Stages, check_range, lane_word

MASKED = -(1 << LOGIT_BITS - 1)
"""The logit of a key that a query must not see."""

STEP_BITS = 4
STEP = 1 << STEP_BITS
"""Rises of m by which the running total is shifted: it is scaled to m rounded down to a multiple of 16.

A sum that is shifted by any distance and then added to is the longest loop of a lane. So a numerator is shifted up by
what m is above the multiple, the total is shifted down by whole steps, and its last by the rest. Nothing changes, for
floors of shifts nest: ``(S >> a) >> b == S >> a + b``, and what is added between is whole at every scale.
"""

LARGEST_SUM_BITS = 32

DROPPED_BITS = {8: 7, 12: 3, 16: 0}
"""Fraction bits of a numerator that each width of u drops."""


class StatisticsLane(wiring.Component):
    """One lane of :class:`SoftmaxStatistics`.

    ``first`` and ``word_1`` (there is a word after 1 stage) belong to the word one stage on, ``word_addend`` to the one
    at the stage before the sum; m and total are those of the last word that left.
    """

    def __init__(self, *, fraction_bits, table, sum_bits):
        self._fraction_bits = fraction_bits
        self._sum_bits = sum_bits
        self._table = table
        super().__init__(
            {
                "advance": In(1),
                "y": In(signed(LOGIT_BITS)),
                "first": In(1),
                "word_1": In(1),
                "word_addend": In(1),
                "m": Out(signed(whole_bits(fraction_bits))),
                "total": Out(unsigned(sum_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, self.advance)
        highest, y, keep = self._follow_maximum(m, stages)
        m.submodules.power = power = Exp2Lane(fraction_bits=self._fraction_bits, table=self._table)
        drop = stages.register((y == MASKED) & (highest != MASKED >> self._fraction_bits), name="drop")
        octaves = stages.register(octaves_below(highest, y, self._fraction_bits), name="octaves")
        y, highest = stages.register(y, name="y_power"), stages.register(highest, name="m_power_y")
        m.d.comb += [
            power.advance.eq(self.advance),
            power.y.eq(y),
            power.octaves.eq(octaves),
            power.drop.eq(drop),
        ]
        steps = exp2_stages(self._table)
        highest_late = stages.delay(highest, steps, name="m_power")
        # Where there is no word, the total is kept and nothing added: its enable is that of all other registers.
        keep = Mux(self.word_addend, stages.delay(keep, steps - 1, name="keep"), 1)
        keep = stages.register(keep, name="keep_total")
        # A mask: the choice of a zero would become a reset of registers, to which the way is longer.
        addend = power.out << highest_late[:STEP_BITS]
        addend = stages.register(addend & self.word_addend.replicate(len(addend)), name="addend")
        total = Signal(unsigned(self._sum_bits + STEP - 1), name="running_total", reset_less=True)
        with m.If(self.advance):
            m.d.sync += total.eq(_kept(total, keep) + addend)
        highest_late = stages.delay(highest_late, 2, name="m_sum")
        # Beyond the width of a sum there is nothing, whatever the shift.
        scaled = (total >> highest_late[:STEP_BITS])[: self._sum_bits]
        m.d.comb += [
            self.total.eq(stages.register(scaled, name="total", shape=unsigned(self._sum_bits))),
            self.m.eq(stages.register(highest_late, name="m")),
        ]
        return m

    def _follow_maximum(self, m, stages):
        """Return the running maximum and its logit after 2 stages, and how the sum so far is kept after 4."""
        fraction_bits = self._fraction_bits
        upwards = self.y + Const((1 << fraction_bits) - 1, fraction_bits)
        ceiling = stages.register(upwards[fraction_bits:].as_signed(), name="ceiling")
        y = stages.delay(self.y, 2, name="y")
        highest = Signal(signed(whole_bits(fraction_bits)), reset_less=True)
        # One that is equal is taken too, so the sign of the difference is enough; whether it rose is found later.
        difference = Signal(signed(whole_bits(fraction_bits) + 1))
        m.d.comb += difference.eq(ceiling - highest)
        takes = (self.word_1 & (self.first | ~difference[-1])).replicate(len(highest))
        # Masks: a choice between it and what is there would become part of the enable, which comes late.
        with m.If(self.advance):
            m.d.sync += highest.eq((ceiling & takes) | (highest & ~takes))

        difference = stages.register(difference, name="difference")
        rises = stages.register(~difference[-1] & difference.any(), name="rises")
        first = stages.delay(self.first, 2, name="first")
        masked_so_far = stages.register(highest == (MASKED >> fraction_bits), name="masked_so_far")
        masked_so_far = stages.register(masked_so_far, name="masked_before")
        steps = ceiling[STEP_BITS:].as_signed() - highest[STEP_BITS:].as_signed()
        steps = stages.register(steps[:-1], name="steps")
        stays, *moves = stages.register(Cat(steps == n for n in range(3)), name="moves")
        forget = first | (rises & masked_so_far)
        kept_after = [~forget & (~rises | stays), *(~forget & rises & move for move in moves)]
        return highest, y, stages.register(Cat(kept_after), name="keep")


def _kept(total, keep):
    """Return what stays of a running total after 0, 1 or 2 steps; nothing if no bit of *keep* is set."""
    parts = [total & keep[0].replicate(len(total))]
    for steps in (1, 2):
        part = total[steps * STEP :] if steps * STEP < len(total) else Const(0, 1)
        parts.append(part & keep[steps].replicate(len(part)))
    return parts[0] | parts[1] | parts[2]


class SoftmaxStatistics(Pipeline):
    """P statistics lanes: takes a word of logits a cycle, offers a word for every row-block.

    The result is offered ``latency_cycles`` after the last word of a row is accepted: 9 cycles with a table of
    mantissas, 11 with lines. The first word of the next row may follow at once.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    fraction_bits, table
        Of :class:`vitaccel_rtl.exp2.Exp2`.
    sum_bits
        Width of S, 16 to 32: `OnlineSoftmax.sum_bits` of the longest row (28 for 4096 keys).

    Attributes
    ----------
    i : stream
        ``lanes`` (logits, int16), ``last``: the last key of a row.
    o : stream
        ``m`` (signed, ``17 - fraction_bits`` bits a lane), ``total`` (S, unsigned *sum_bits* a lane), ``last``
        (always 1).

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, fraction_bits, table, sum_bits=28):
        check_range("lanes of a softmax", lanes, 1, 256)
        check_range("sum_bits of a softmax", sum_bits, NUMERATOR_BITS, LARGEST_SUM_BITS)
        check_powers(fraction_bits, table)
        self._options = {"fraction_bits": fraction_bits, "table": table, "sum_bits": sum_bits}
        self._stages_to_sum = latency.softmax_statistics(has_lines=has_lines(table)) - 2
        super().__init__(
            i=lane_word(lanes, signed(LOGIT_BITS)),
            o=data.StructLayout(
                {
                    "m": data.ArrayLayout(signed(whole_bits(fraction_bits)), lanes),
                    "total": data.ArrayLayout(unsigned(sum_bits), lanes),
                    "last": 1,
                }
            ),
            latency_cycles=self._stages_to_sum + 2,
        )

    def offered(self, valid, last):
        return valid & last

    def connect(self, m, stages, valid, last):
        row_starts = Signal(init=1)
        with m.If(stages.advance & valid[1]):
            m.d.sync += row_starts.eq(last[1])
        for i, y in enumerate(self.i.p.lanes):
            lane = StatisticsLane(**self._options)
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.advance.eq(stages.advance),
                lane.y.eq(y),
                lane.first.eq(row_starts),
                lane.word_1.eq(valid[1]),
                lane.word_addend.eq(valid[self._stages_to_sum - 1]),
                self.o.p.m[i].eq(lane.m),
                self.o.p.total[i].eq(lane.total),
            ]


class SoftmaxNumerators(Pipeline):
    """P numerator lanes, one word a cycle: what multiplies V.

    A word takes the cycles of the power, 3 or 5, one before it, and one more to round to 8 or 12 bits.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    fraction_bits, table
        Of :class:`vitaccel_rtl.exp2.Exp2`.
    bits
        Width of u, 8, 12 or 16 (`OnlineSoftmax.numerator_bits`).

    Attributes
    ----------
    i : stream
        ``lanes`` (logits, int16), ``m`` (the final m of each lane's row), ``last``.
    o : stream
        ``lanes`` (u, unsigned *bits*), ``last``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, fraction_bits, table, bits=16):
        check_range("lanes of a softmax", lanes, 1, 256)
        if bits not in DROPPED_BITS:
            raise ValueError(f"bits of a numerator must be 8, 12 or 16, not {bits!r}")
        check_powers(fraction_bits, table)
        self._options = {"fraction_bits": fraction_bits, "table": table}
        self._bits = bits
        super().__init__(
            i=lane_word(lanes, signed(LOGIT_BITS), m=data.ArrayLayout(signed(whole_bits(fraction_bits)), lanes)),
            o=lane_word(lanes, unsigned(bits)),
            latency_cycles=latency.softmax_numerators(has_lines=has_lines(table), bits=bits),
        )

    def connect(self, m, stages, valid, last):
        lowest = MASKED >> self._options["fraction_bits"]
        for i, out in enumerate(self.o.p.lanes):
            y, highest = self.i.p.lanes[i], self.i.p.m[i]
            power = Exp2Lane(**self._options)
            m.submodules[f"lane{i}"] = power
            octaves = octaves_below(highest, y, self._options["fraction_bits"])
            drop = (y == MASKED) & (highest != lowest)
            m.d.comb += [
                power.advance.eq(stages.advance),
                power.y.eq(stages.register(y, name=f"y{i}")),
                power.octaves.eq(stages.register(octaves, name=f"octaves{i}")),
                power.drop.eq(stages.register(drop, name=f"drop{i}")),
                out.eq(self._narrowed(stages, power.out, f"u{i}")),
            ]

    def _narrowed(self, stages, numerator, name):
        """Round to the width of u and saturate: only ``2**0`` is beyond it."""
        dropped = DROPPED_BITS[self._bits]
        if not dropped:
            return numerator
        rounded = round_off(numerator[dropped - 1 :])
        largest = (1 << self._bits) - 1
        return stages.register(Mux(rounded[self._bits :].any(), largest, rounded[: self._bits]), name=name)

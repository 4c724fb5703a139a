"""The reciprocal of a softmax's sum, a table and a Newton step, and the factor that it becomes for a row.

The integers of `vitaccel.reference.reciprocal.Reciprocal` (whose ``table``, ``entry_bits`` and ``centre`` are the
parameters) and of the first line of `vitaccel.reference.softmax.OnlineSoftmax.normalize`.
"""

from amaranth.hdl import Const, Module, signed, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.fixed_point import FACTOR_BITS, normalize, round_off
from vitaccel_rtl.stream import Pipeline, Stages, check_range, lane_word

SUM_BITS = 32
MANTISSA_BITS = 17
EXPONENT_BITS = 5
ARGUMENT_FRACTION = 16
SHIFT_BITS = 6

NUMERATOR_DROPPED = {8: 7, 12: 3, 16: 0}
"""Fraction bits that a numerator of each width has less than one of 16."""


def check_reciprocal(table, entry_bits, centre):
    """Raise a ValueError unless these are a table, its width and a constant for a :class:`ReciprocalLane`."""
    check_range("entry_bits of a reciprocal", entry_bits, 7, 12)
    if len(table) not in (16, 32, 64, 128):
        raise ValueError(f"entries of a reciprocal must be 16, 32, 64 or 128, not {len(table)}")
    for entry in table:
        check_range("an entry of a reciprocal", entry, 1 << entry_bits - 1, (1 << entry_bits) - 1)
    check_range("centre of a reciprocal", centre, 0, 1 << 12)


class ReciprocalLane(wiring.Component):
    """One lane: ``1 / total`` is about ``mantissa / 2**(17 + exponent)``, 11 stages later.

    Attributes
    ----------
    total : Signal, in
        1 to ``2**32 - 1``.
    mantissa : Signal, out
        17 bits.
    exponent : Signal, out
        5 bits, the place of the highest bit of *total*.
    """

    def __init__(self, *, table, entry_bits, centre):
        self._table = tuple(table)
        self._entry_bits = entry_bits
        self._centre = centre
        super().__init__(
            {
                "advance": In(1),
                "total": In(unsigned(SUM_BITS)),
                "mantissa": Out(unsigned(MANTISSA_BITS)),
                "exponent": Out(unsigned(EXPONENT_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, self.advance)
        entry_bits = self._entry_bits
        normal, place = normalize(stages, self.total, name="total")
        x = normal[SUM_BITS - 1 - ARGUMENT_FRACTION :]

        index_bits = len(self._table).bit_length() - 1
        m.submodules.entries = rom = memory.Memory(shape=unsigned(entry_bits), depth=len(self._table), init=self._table)
        port = rom.read_port()
        m.d.comb += [port.addr.eq(x[-1 - index_bits : -1]), port.en.eq(self.advance)]
        # Operands: these move into the multiplier, which the output of a memory is not free to do.
        entry = stages.register(port.data, name="entry")

        product = stages.register(stages.delay(x, 2, name="x") * entry, name="x_entry")
        cut = product[entry_bits + ARGUMENT_FRACTION - MANTISSA_BITS :]
        constant = Const((2 << MANTISSA_BITS) + self._centre)
        step = stages.register(constant - cut, name="step", shape=unsigned(FACTOR_BITS))
        step = stages.register(step, name="step_operand")
        refined = stages.register(stages.delay(entry, 3, name="entry") * step, name="refined")
        rounded = round_off(refined[entry_bits - 1 :])
        m.d.comb += [
            self.mantissa.eq(stages.register(rounded, name="mantissa", shape=unsigned(MANTISSA_BITS))),
            self.exponent.eq(stages.delay(place, latency.RECIPROCAL - latency.NORMALIZE, name="place")),
        ]
        return m


class Reciprocal(Pipeline):
    """P reciprocals, one word a cycle. One is enough for an array of lanes whose rows are longer than there are lanes.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    table, entry_bits, centre
        Of `vitaccel.reference.reciprocal.Reciprocal`.

    Attributes
    ----------
    i : stream
        ``lanes`` (sums, unsigned, 32 bits, 1 or more), ``last``.
    o : stream
        ``mantissa`` (17 bits a lane), ``exponent`` (5 bits a lane), ``last``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, table, entry_bits, centre):
        check_range("lanes of a reciprocal", lanes, 1, 256)
        check_reciprocal(table, entry_bits, centre)
        self._options = {"table": table, "entry_bits": entry_bits, "centre": centre}
        fields = {
            "mantissa": data.ArrayLayout(unsigned(MANTISSA_BITS), lanes),
            "exponent": data.ArrayLayout(unsigned(EXPONENT_BITS), lanes),
        }
        super().__init__(
            i=lane_word(lanes, unsigned(SUM_BITS)),
            o=data.StructLayout({**fields, "last": 1}),
            latency_cycles=latency.RECIPROCAL,
        )

    def connect(self, m, stages, valid, last):
        for i, total in enumerate(self.i.p.lanes):
            lane = ReciprocalLane(**self._options)
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.advance.eq(stages.advance),
                lane.total.eq(total),
                self.o.p.mantissa[i].eq(lane.mantissa),
                self.o.p.exponent[i].eq(lane.exponent),
            ]


class RowFactor(Pipeline):
    """What the outputs of a row of attention are multiplied with: the reciprocal of its sum times the layer's scale.

        multiplier' = round_shift(r * multiplier, 17);  shift' = k + shift + (fraction of u - 15)

    They are the ``multiplier`` and ``shift`` of a :class:`vitaccel_rtl.requantize.Requantize` with *per_lane*.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    numerator_bits
        Width of u, 8, 12 or 16.
    table, entry_bits, centre
        Of `vitaccel.reference.reciprocal.Reciprocal`.

    Attributes
    ----------
    i : stream
        ``lanes`` (sums S, unsigned, 32 bits, 2**14 or more), ``multiplier`` (unsigned, 17 bits, the first of them set),
        ``shift`` (0 to 36), ``last``.
    o : stream
        ``multiplier`` (signed, 18 bits a lane), ``shift`` (6 bits a lane), ``last``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, numerator_bits, table, entry_bits, centre):
        check_range("lanes of a reciprocal", lanes, 1, 256)
        if numerator_bits not in NUMERATOR_DROPPED:
            raise ValueError(f"numerator_bits of a reciprocal must be 8, 12 or 16, not {numerator_bits!r}")
        check_reciprocal(table, entry_bits, centre)
        self._options = {"table": table, "entry_bits": entry_bits, "centre": centre}
        self._dropped = NUMERATOR_DROPPED[numerator_bits]
        scale = {"multiplier": unsigned(MANTISSA_BITS), "shift": unsigned(SHIFT_BITS)}
        fields = {
            "multiplier": data.ArrayLayout(signed(FACTOR_BITS), lanes),
            "shift": data.ArrayLayout(unsigned(SHIFT_BITS), lanes),
        }
        super().__init__(
            i=lane_word(lanes, unsigned(SUM_BITS), **scale),
            o=data.StructLayout({**fields, "last": 1}),
            latency_cycles=latency.ROW_FACTOR,
        )

    def connect(self, m, stages, valid, last):
        multiplier = stages.delay(self.i.p.multiplier, latency.RECIPROCAL + 1, name="multiplier")
        shift = stages.delay(self.i.p.shift, latency.RECIPROCAL, name="shift")
        for i, total in enumerate(self.i.p.lanes):
            lane = ReciprocalLane(**self._options)
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [lane.advance.eq(stages.advance), lane.total.eq(total)]
            mantissa = stages.register(lane.mantissa, name=f"mantissa{i}")
            product = stages.register(mantissa * multiplier, name=f"product{i}")
            rounded = round_off(product[MANTISSA_BITS - 1 :])
            places = stages.register(lane.exponent + shift - self._dropped, name=f"places{i}", shape=SHIFT_BITS)
            m.d.comb += [
                self.o.p.multiplier[i].eq(stages.register(rounded, name=f"factor{i}", shape=signed(FACTOR_BITS))),
                self.o.p.shift[i].eq(
                    stages.delay(places, latency.ROW_FACTOR - latency.RECIPROCAL - 1, name=f"places{i}")
                ),
            ]

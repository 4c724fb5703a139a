"""The reciprocal square root of a variance: a table and a Newton step.

The integers of `vitaccel.reference.rsqrt.Rsqrt`, whose ``table``, ``entry_bits`` and ``centre`` are the parameters.
"""

from amaranth.hdl import Cat, Const, Module, Mux, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.fixed_point import multiply_unsigned, normalize, round_off
from vitaccel_rtl.stream import Pipeline, Stages, check_range, lane_word

VARIANCE_BITS = 63
MANTISSA_BITS = 18
EXPONENT_BITS = 5
ARGUMENT_FRACTION = 17
STEP_FRACTION = 19


def check_rsqrt(table, entry_bits, centre):
    """Raise a ValueError unless these are a table, its width and a constant for a :class:`RsqrtLane`."""
    check_range("entry_bits of a reciprocal square root", entry_bits, 7, 14)
    if len(table) not in [2 << n for n in range(4, 11)]:
        raise ValueError(
            f"entries of a reciprocal square root must be a power of two from 32 to 2048, not {len(table)}"
        )
    for entry in table:
        check_range("an entry of a reciprocal square root", entry, 1 << entry_bits - 1, (1 << entry_bits) - 1)
    check_range("centre of a reciprocal square root", centre, 0, 1 << ARGUMENT_FRACTION + 2 * entry_bits)


class RsqrtLane(wiring.Component):
    """One lane: ``1 / sqrt(variance)`` is about ``mantissa / 2**(18 + exponent)``, 17 stages later.

    Attributes
    ----------
    variance : Signal, in
        1 to ``2**63 - 1``.
    mantissa : Signal, out
        18 bits, the first of them set.
    exponent : Signal, out
        5 bits.
    """

    def __init__(self, *, table, entry_bits, centre):
        self._table = tuple(table)
        self._entry_bits = entry_bits
        self._centre = centre
        super().__init__(
            {
                "advance": In(1),
                "variance": In(unsigned(VARIANCE_BITS)),
                "mantissa": Out(unsigned(MANTISSA_BITS)),
                "exponent": Out(unsigned(EXPONENT_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, self.advance)
        normal, place = normalize(stages, Cat(self.variance, Const(0, 1)), name="variance")
        argument = normal[-1 - ARGUMENT_FRACTION :]
        entry = stages.register(self._read(m, argument, place[0]), name="entry")
        odd = stages.delay(place[0], 2, name="odd")
        # Operands: these move into the multiplier, and the entry is the output of a memory.
        argument = stages.delay(argument, 3, name="argument")
        doubled = stages.register(Mux(odd, Cat(Const(0, 1), entry), entry), name="entry_doubled")
        entry = stages.register(entry, name="entry_operand")

        once = stages.register(argument * entry, name="once")
        once = stages.register(once, name="once_operand")
        twice = multiply_unsigned(stages, once, stages.delay(doubled, 2, name="entry_doubled"), name="twice")
        fraction = ARGUMENT_FRACTION + 2 * self._entry_bits
        constant = Const((3 << fraction) + self._centre)
        step = (constant - twice)[fraction - STEP_FRACTION :]
        step = stages.register(step, name="step", shape=unsigned(STEP_FRACTION + 2))
        step = stages.register(step, name="step_operand")

        refined = multiply_unsigned(stages, step, stages.delay(entry, 6, name="entry_late"), name="refined")
        rounded = round_off(refined[self._entry_bits + STEP_FRACTION - MANTISSA_BITS :])
        rounded = stages.register(rounded, name="rounded")
        largest = (1 << MANTISSA_BITS) - 1
        saturated = Mux(rounded[MANTISSA_BITS:].any(), largest, rounded[:MANTISSA_BITS])
        m.d.comb += [
            self.mantissa.eq(stages.register(saturated, name="mantissa", shape=unsigned(MANTISSA_BITS))),
            self.exponent.eq(stages.delay(place[1:], latency.RSQRT - latency.NORMALIZE, name="exponent")),
        ]
        return m

    def _read(self, m, argument, odd):
        """Read the root of an argument's interval a stage later: even exponents first."""
        index_bits = len(self._table).bit_length() - 2
        m.submodules.roots = rom = memory.Memory(
            shape=unsigned(self._entry_bits), depth=len(self._table), init=self._table
        )
        port = rom.read_port()
        m.d.comb += [
            port.addr.eq(Cat(argument[ARGUMENT_FRACTION - index_bits : ARGUMENT_FRACTION], odd)),
            port.en.eq(self.advance),
        ]
        return port.data


class Rsqrt(Pipeline):
    """P reciprocal square roots, one word a cycle.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    table, entry_bits, centre
        Of `vitaccel.reference.rsqrt.Rsqrt`.

    Attributes
    ----------
    i : stream
        ``lanes`` (variances, unsigned, 63 bits, 1 or more), ``last``.
    o : stream
        ``mantissa`` (18 bits a lane), ``exponent`` (5 bits a lane), ``last``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, table, entry_bits, centre):
        check_range("lanes of a reciprocal square root", lanes, 1, 256)
        check_rsqrt(table, entry_bits, centre)
        self._options = {"table": table, "entry_bits": entry_bits, "centre": centre}
        fields = {
            "mantissa": data.ArrayLayout(unsigned(MANTISSA_BITS), lanes),
            "exponent": data.ArrayLayout(unsigned(EXPONENT_BITS), lanes),
        }
        super().__init__(
            i=lane_word(lanes, unsigned(VARIANCE_BITS)),
            o=data.StructLayout({**fields, "last": 1}),
            latency_cycles=latency.RSQRT,
        )

    def connect(self, m, stages, valid, last):
        for i, variance in enumerate(self.i.p.lanes):
            lane = RsqrtLane(**self._options)
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.advance.eq(stages.advance),
                lane.variance.eq(variance),
                self.o.p.mantissa[i].eq(lane.mantissa),
                self.o.p.exponent[i].eq(lane.exponent),
            ]

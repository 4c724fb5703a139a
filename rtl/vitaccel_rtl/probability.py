"""Normalised probabilities: a power of two times the reciprocal of its row's sum, in uq0.16.

The integers of `vitaccel.reference.softmax.OnlineSoftmax.probabilities`: with r and k of ``1 / S``,

    p = saturate(round_shift(n(y, m) * r, k + 1))

What attention with reused scores needs, whose normaliser belongs to the contraction index, and the gate of a router.
"""

from amaranth.hdl import Module, Mux, signed, unsigned
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
from vitaccel_rtl.reciprocal import EXPONENT_BITS, MANTISSA_BITS
from vitaccel_rtl.softmax import MASKED
from vitaccel_rtl.stream import Pipeline, Stages, check_range, lane_word

PROBABILITY_BITS = 16

LEAST_EXPONENT = 14
"""Of a reciprocal: the sum of a row is ``2**14`` or more, as its largest numerator is."""

QUOTIENT_BITS = 18
"""Of ``n * r`` shifted by the least exponent; the last bit is the first behind the point."""


class ProbabilityLane(wiring.Component):
    """One lane; its registers load when *advance* is high.

    Attributes
    ----------
    y : Signal, in
        Logit, int16.
    m : Signal, in
        Of its row, at least the logit rounded up.
    mantissa, exponent : Signal, in
        Of the reciprocal of its row's sum; the exponent is 14 or more.
    out : Signal, out
        Probability, uq0.16, so many stages later as `latency.probability` says.
    """

    def __init__(self, *, fraction_bits, table):
        self._fraction_bits = fraction_bits
        self._table = table
        super().__init__(
            {
                "advance": In(1),
                "y": In(signed(LOGIT_BITS)),
                "m": In(signed(whole_bits(fraction_bits))),
                "mantissa": In(unsigned(MANTISSA_BITS)),
                "exponent": In(unsigned(EXPONENT_BITS)),
                "out": Out(unsigned(PROBABILITY_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, self.advance)
        m.submodules.power = power = Exp2Lane(fraction_bits=self._fraction_bits, table=self._table)
        m.d.comb += [
            power.advance.eq(self.advance),
            power.y.eq(self.y),
            power.octaves.eq(octaves_below(self.m, self.y, self._fraction_bits)),
            power.drop.eq((self.y == MASKED) & (self.m != (MASKED >> self._fraction_bits))),
        ]
        steps = exp2_stages(self._table)
        mantissa = stages.delay(self.mantissa, steps, name="mantissa")
        exponent = stages.delay(self.exponent, steps + 1, name="exponent")
        product = stages.register(power.out * mantissa, name="product", shape=unsigned(NUMERATOR_BITS + MANTISSA_BITS))
        m.d.comb += self.out.eq(self._quotient(stages, product, exponent))
        return m

    def _quotient(self, stages, product, exponent):
        """Return ``2 * product >> exponent + 1``, rounded and saturated, after three stages.

        Exponents are 14, 15, or 16 and what their lower four bits say: the first two shift by 14 and their lowest bit.
        """
        far = exponent[4]
        upper = product[LEAST_EXPONENT:][:QUOTIENT_BITS]
        coarse = stages.register(Mux(far, product[16:], upper), name="coarse", shape=unsigned(QUOTIENT_BITS))
        places = stages.register(Mux(far, exponent[:4], exponent[0]), name="places", shape=unsigned(4))
        shifted = stages.register(coarse >> places, name="shifted")
        rounded = round_off(shifted)
        # Bits beyond the probability set all others: as a choice of the largest they would become a set of registers.
        beyond = rounded[PROBABILITY_BITS:].any().replicate(PROBABILITY_BITS)
        return stages.register(rounded[:PROBABILITY_BITS] | beyond, name="probability")


class Probability(Pipeline):
    """P lanes of probabilities, one word a cycle.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    fraction_bits, table
        Of :class:`vitaccel_rtl.exp2.Exp2`.

    Attributes
    ----------
    i : stream
        ``lanes`` (logits, int16), ``m`` (signed, ``17 - fraction_bits`` bits a lane, at least the logit rounded up),
        ``mantissa`` (17 bits a lane) and ``exponent`` (5 bits a lane, 14 or more), which are those of the reciprocal of
        each lane's sum, and ``last``.
    o : stream
        ``lanes`` (probabilities, uq0.16), ``last``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, fraction_bits, table):
        check_range("lanes of probabilities", lanes, 1, 256)
        check_powers(fraction_bits, table)
        self._options = {"fraction_bits": fraction_bits, "table": table}
        fields = {
            "m": data.ArrayLayout(signed(whole_bits(fraction_bits)), lanes),
            "mantissa": data.ArrayLayout(unsigned(MANTISSA_BITS), lanes),
            "exponent": data.ArrayLayout(unsigned(EXPONENT_BITS), lanes),
        }
        super().__init__(
            i=lane_word(lanes, signed(LOGIT_BITS), **fields),
            o=lane_word(lanes, unsigned(PROBABILITY_BITS)),
            latency_cycles=latency.probability(has_lines=has_lines(table)),
        )

    def connect(self, m, stages, valid, last):
        for i, out in enumerate(self.o.p.lanes):
            lane = ProbabilityLane(**self._options)
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.advance.eq(stages.advance),
                lane.y.eq(self.i.p.lanes[i]),
                lane.m.eq(self.i.p.m[i]),
                lane.mantissa.eq(self.i.p.mantissa[i]),
                lane.exponent.eq(self.i.p.exponent[i]),
                out.eq(lane.out),
            ]

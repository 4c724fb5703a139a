"""Weighing lanes: an expert's results times what their entries' gate scores make of the layer's multiplier.

    out = saturate(round_shift(result * factor, 16 + shift), 17)

The integers that `vitaccel.backends.interpreter.moe.scatter_add` adds, but for the saturation. That changes no sum: an
int16 plus anything above ``2**16 - 1`` saturates above, as ``-2**15 + 2**16 - 1 = 2**15 - 1`` does, and an int16 plus
anything below ``-2**16`` saturates below, as ``2**15 - 1 - 2**16 = -2**15 - 1`` does. So 17 bits are enough.
"""

from amaranth.hdl import Cat, Const, Module, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.fixed_point import multiply_wide, round_off, saturate
from vitaccel_rtl.formats import SCORE_BITS
from vitaccel_rtl.gate_factors import GATE_FACTOR_BITS, SHIFT_BITS
from vitaccel_rtl.stream import Pipeline, Stages, check_range, lane_word

RESULT_BITS = 16

UPDATE_BITS = RESULT_BITS + 1
"""Of what is added to an int16 and then saturated."""

STAGES_TO_SHIFT = 3
"""Stages before the shift: operands, two partial products, product."""


class WeighLane(wiring.Component):
    """One lane of :class:`Weigh`; ``shift`` belongs to the word 3 stages on."""

    def __init__(self):
        super().__init__(
            {
                "advance": In(1),
                "result": In(signed(RESULT_BITS)),
                "factor": In(signed(GATE_FACTOR_BITS)),
                "shift": In(unsigned(SHIFT_BITS)),
                "out": Out(signed(UPDATE_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, self.advance)
        factor = stages.register(self.factor, name="weight")
        result = stages.register(self.result, name="operand")
        product = multiply_wide(stages, factor, result, name="weighted")
        # The bits of a score go first, all but the one that rounding needs if the shift is 0.
        whole = product[SCORE_BITS - 1 :].as_signed()
        coarse = stages.register(whole >> Cat(Const(0, 4), self.shift[4:]), name="coarse")
        fine = stages.register(self.shift[:4], name="fine_shift")
        shifted = stages.register(coarse >> fine, name="shifted")
        # Beyond these bits the rounded result saturates, whatever the rounding bit is.
        kept = stages.register(saturate(shifted, UPDATE_BITS + 1), name="kept")
        rounded = stages.register(round_off(kept), name="rounded")
        code = saturate(rounded, UPDATE_BITS)
        m.d.comb += self.out.eq(stages.register(code, name="code", shape=signed(UPDATE_BITS)))
        return m


class Weigh(Pipeline):
    """P weighing lanes, one word a cycle, two multipliers a lane.

    Parameters
    ----------
    lanes
        P, 1 to 256.

    Attributes
    ----------
    i : stream
        ``lanes`` (results, int16), ``factors`` (score times multiplier, signed, 34 bits a lane), ``shift`` (0 to 47),
        ``last``.
    o : stream
        ``lanes`` (signed, 17 bits), ``last``.

    Raises
    ------
    ValueError
        If *lanes* is out of its range.
    """

    def __init__(self, *, lanes):
        check_range("lanes of a weighing", lanes, 1, 256)
        factors = data.ArrayLayout(signed(GATE_FACTOR_BITS), lanes)
        super().__init__(
            i=lane_word(lanes, signed(RESULT_BITS), factors=factors, shift=unsigned(SHIFT_BITS)),
            o=lane_word(lanes, signed(UPDATE_BITS)),
            latency_cycles=latency.WEIGH,
        )

    def connect(self, m, stages, valid, last):
        shift = stages.delay(self.i.p.shift, STAGES_TO_SHIFT, name="shift")
        for i, out in enumerate(self.o.p.lanes):
            lane = WeighLane()
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.advance.eq(stages.advance),
                lane.result.eq(self.i.p.lanes[i]),
                lane.factor.eq(self.i.p.factors[i]),
                lane.shift.eq(shift),
                out.eq(lane.out),
            ]

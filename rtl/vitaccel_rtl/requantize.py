"""Requantize lanes: what drains from the array becomes int8 or int16 codes.

    out = saturate(round_shift((acc + offset) * multiplier, shift) + residual, bits)

The integers of `vitaccel.reference.requantize.ChannelRequantize` (its ``bias`` is the offset), and with parameters of
each lane those of `vitaccel.reference.softmax.OnlineSoftmax.normalize`.
"""

from amaranth.hdl import Module, Mux, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.fixed_point import CHUNK_BITS, FACTOR_BITS, multiply_wide, round_off, saturate, shift_in_two
from vitaccel_rtl.stream import Pipeline, Stages, check_range, lane_word

SHIFT_BITS = 6
OFFSET_BITS = 32
RESIDUAL_BITS = 16
NARROW_BITS = 8

STAGES_TO_SHIFT = 4
"""Stages before the shift: sum, operands, two partial products, product."""

STAGES_TO_SUM = latency.REQUANTIZE - 2
"""Stages before the rounding: those, shift in two, and the cut to the bits that can still matter."""


class RequantizeLane(wiring.Component):
    """One lane; its registers load when *advance* is high.

    Parameters are those of :class:`Requantize`. Of the ports, ``acc``, ``offset``, ``multiplier`` and ``residual``
    belong to the word at the input, ``shift`` to the word 4 stages on and ``narrow`` to the one 8 stages on: the lanes
    share those registers.
    """

    def __init__(self, *, acc_bits=32, bits=16, has_offset=True, has_residual=True):
        self._acc_bits = acc_bits
        self._bits = bits
        ports = {
            "advance": In(1),
            "acc": In(signed(acc_bits)),
            "multiplier": In(signed(FACTOR_BITS)),
            "shift": In(unsigned(SHIFT_BITS)),
            "out": Out(signed(bits)),
        }
        self._has_offset = has_offset
        self._has_residual = has_residual
        if has_offset:
            ports["offset"] = In(signed(OFFSET_BITS))
        if has_residual:
            ports["residual"] = In(signed(RESIDUAL_BITS))
        if bits > NARROW_BITS:
            ports["narrow"] = In(1)
        super().__init__(ports)

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, self.advance)
        total = stages.register(self.acc + self.offset if self._has_offset else self.acc, name="total")
        # These move into the multipliers, which are far from the sum.
        total = stages.register(total, name="operand")
        multiplier = stages.delay(self.multiplier, 2, name="factor")
        product = multiply_wide(stages, total, multiplier, name="scaled")
        shifted = shift_in_two(stages, product, self.shift, name="scaled")
        # What lies beyond these bits saturates whatever the rounding bit and the residual are.
        kept_bits = max(self._bits, RESIDUAL_BITS) + 3 if self._has_residual else self._bits + 2
        kept = stages.register(saturate(shifted, kept_bits), name="kept")
        result = round_off(kept)
        if self._has_residual:
            result = result + stages.delay(self.residual, STAGES_TO_SUM, name="residual")
        result = stages.register(result, name="result")
        code = saturate(result, self._bits)
        if self._bits > NARROW_BITS:
            code = Mux(self.narrow, saturate(result, NARROW_BITS), code)
        m.d.comb += self.out.eq(stages.register(code, name="code", shape=signed(self._bits)))
        return m


class Requantize(Pipeline):
    """P requantize lanes, one word a cycle.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    acc_bits
        Width of an accumulator, 16 to 34, or 35 without an offset. An A of softmax (`accumulator_bits` less one: the
        most negative value is -2**34, and the most positive below 2**34) fits 35 for 4096 keys of 16 bits.
    bits
        Width of the result, 8 or 16 (`ChannelRequantize.bits`). With 16 a word may ask for 8.
    has_offset, has_residual
        Whether a word carries them.
    per_lane
        Multiplier and shift of each lane (rows that are scaled by their own reciprocal) and not of the word.

    Attributes
    ----------
    i : stream
        ``lanes`` (signed *acc_bits*), ``residual`` (int16 a lane), ``offset`` (int32, of the word), ``multiplier``
        (signed, 18 bits), ``shift`` (0 to 63), ``narrow`` (with *bits* = 16: saturate this word to 8 bits), ``last``.
    o : stream
        ``lanes`` (signed *bits*), ``last``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, acc_bits=32, bits=16, has_offset=True, has_residual=True, per_lane=False):
        check_range("lanes of a requantization", lanes, 1, 256)
        # Two multipliers take 35 bits, and a sum with an offset has a bit more than its operands.
        check_range("acc_bits of a requantization", acc_bits, 16, CHUNK_BITS + FACTOR_BITS - has_offset)
        if bits not in (8, 16):
            raise ValueError(f"bits of a requantization must be 8 or 16, not {bits!r}")
        self._options = {
            "acc_bits": acc_bits,
            "bits": bits,
            "has_offset": has_offset,
            "has_residual": has_residual,
        }
        self._per_lane = per_lane
        fields = {}
        if has_residual:
            fields["residual"] = data.ArrayLayout(signed(RESIDUAL_BITS), lanes)
        if has_offset:
            fields["offset"] = signed(OFFSET_BITS)
        multiplier, shift = signed(FACTOR_BITS), unsigned(SHIFT_BITS)
        fields["multiplier"] = data.ArrayLayout(multiplier, lanes) if per_lane else multiplier
        fields["shift"] = data.ArrayLayout(shift, lanes) if per_lane else shift
        if bits > NARROW_BITS:
            fields["narrow"] = 1
        super().__init__(
            i=lane_word(lanes, signed(acc_bits), **fields),
            o=lane_word(lanes, signed(bits)),
            latency_cycles=latency.REQUANTIZE,
        )

    def connect(self, m, stages, valid, last):
        word = self.i.p
        options = self._options
        common_shift = None if self._per_lane else stages.delay(word.shift, STAGES_TO_SHIFT, name="shift")
        if options["bits"] > NARROW_BITS:
            narrow = stages.delay(word.narrow, STAGES_TO_SUM + 1, name="narrow")
        for i, out in enumerate(self.o.p.lanes):
            lane = RequantizeLane(**options)
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [lane.advance.eq(stages.advance), lane.acc.eq(word.lanes[i]), out.eq(lane.out)]
            if self._per_lane:
                shift = stages.delay(word.shift[i], STAGES_TO_SHIFT, name=f"shift{i}")
                m.d.comb += [lane.multiplier.eq(word.multiplier[i]), lane.shift.eq(shift)]
            else:
                m.d.comb += [lane.multiplier.eq(word.multiplier), lane.shift.eq(common_shift)]
            if options["has_offset"]:
                m.d.comb += lane.offset.eq(word.offset)
            if options["has_residual"]:
                m.d.comb += lane.residual.eq(word.residual[i])
            if options["bits"] > NARROW_BITS:
                m.d.comb += lane.narrow.eq(narrow)

"""LayerNorm lanes: exact moments on the way in, a factor for each row, normalisation and affine part on the way out.

The integers of `vitaccel.reference.layernorm.LayerNorm`. Lane i takes the channels of token i, one a word, twice:

    S = sum(x), Q = sum(x * x)                                  moments: one word a row
    r / 2**(18 + e) = rsqrt(C Q - S S + epsilon)                row scale: one word a row
    z = round_shift((C x - S) * r, 3 + e)
    out = saturate(round_shift(z * multiplier + offset, shift), bits)     normalize: one word a channel

C (`LayerNorm.channels`), ``epsilon``, ``multiplier``, ``offset`` and ``shift`` come with the words, so one block serves
all layers; ``rsqrt`` and ``bits`` are parameters.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.fixed_point import CHUNK_BITS, FACTOR_BITS, multiply_wide, round_off, saturate, shift_in_two
from vitaccel_rtl.flow import Flow
from vitaccel_rtl.formats import EPSILON_BITS
from vitaccel_rtl.rsqrt import EXPONENT_BITS, MANTISSA_BITS, VARIANCE_BITS, RsqrtLane, check_rsqrt
from vitaccel_rtl.stream import Pipeline, Stages, check_range, lane_word

CODE_BITS = 16
CHANNEL_BITS = 13
"""Of C: a row has 4096 channels at most."""

TOTAL_BITS = 28
SQUARES_BITS = 43
OFFSET_BITS = 32
SHIFT_BITS = 5
NARROW_BITS = 8

NORMAL_FRACTION = 15
NORMAL_BITS = 22
"""Of z, with 15 fraction bits: no element is further from the mean than 64 deviations (Samuelson)."""

STAGES_TO_NORMAL = 10
STAGES_TO_OFFSET = STAGES_TO_NORMAL + 3
STAGES_TO_SHIFT = STAGES_TO_OFFSET + 1
STAGES_TO_RESULT = STAGES_TO_SHIFT + 5


class MomentLane(wiring.Component):
    """One lane of :class:`LayerNormMoments`; ``first`` and ``word_2`` belong to the word two stages on."""

    def __init__(self):
        super().__init__(
            {
                "advance": In(1),
                "x": In(signed(CODE_BITS)),
                "first": In(1),
                "word_2": In(1),
                "total": Out(signed(TOTAL_BITS)),
                "squares": Out(unsigned(SQUARES_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, self.advance)
        x = stages.register(self.x, name="x")
        square = stages.register((x * x).as_unsigned(), name="square")
        x = stages.register(x, name="x_late")
        total = Signal(signed(TOTAL_BITS), reset_less=True, name="running_total")
        squares = Signal(unsigned(SQUARES_BITS), reset_less=True, name="running_squares")
        with m.If(self.advance & self.word_2):
            m.d.sync += [
                total.eq(Mux(self.first, 0, total) + x),
                squares.eq(Mux(self.first, 0, squares) + square),
            ]
        m.d.comb += [self.total.eq(total), self.squares.eq(squares)]
        return m


class LayerNormMoments(Pipeline):
    """P moment lanes: takes a word a cycle, offers a word for every row-block 3 cycles after its last word.

    Parameters
    ----------
    lanes
        P, 1 to 256.

    Attributes
    ----------
    i : stream
        ``lanes`` (int16), ``last``: the last channel, the 4096th at most.
    o : stream
        ``total`` (S, signed, 28 bits a lane), ``squares`` (Q, unsigned, 43 bits a lane), ``last`` (always 1).

    Raises
    ------
    ValueError
        If there are no such lanes.
    """

    def __init__(self, *, lanes):
        check_range("lanes of a layernorm", lanes, 1, 256)
        fields = {
            "total": data.ArrayLayout(signed(TOTAL_BITS), lanes),
            "squares": data.ArrayLayout(unsigned(SQUARES_BITS), lanes),
        }
        super().__init__(
            i=lane_word(lanes, signed(CODE_BITS)),
            o=data.StructLayout({**fields, "last": 1}),
            latency_cycles=latency.LAYERNORM_MOMENTS,
        )

    def offered(self, valid, last):
        return valid & last

    def connect(self, m, stages, valid, last):
        row_starts = Signal(init=1)
        with m.If(stages.advance & valid[2]):
            m.d.sync += row_starts.eq(last[2])
        for i, x in enumerate(self.i.p.lanes):
            lane = MomentLane()
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.advance.eq(stages.advance),
                lane.x.eq(x),
                lane.first.eq(row_starts),
                lane.word_2.eq(valid[2]),
                self.o.p.total[i].eq(lane.total),
                self.o.p.squares[i].eq(lane.squares),
            ]


class VarianceLane(wiring.Component):
    """One lane: ``C Q - S S + epsilon`` after 7 stages, from products of 18 bits and less.

    ``epsilon`` belongs to the word 6 stages on: the lanes share its registers.
    """

    def __init__(self):
        super().__init__(
            {
                "advance": In(1),
                "total": In(signed(TOTAL_BITS)),
                "squares": In(unsigned(SQUARES_BITS)),
                "channels": In(unsigned(CHANNEL_BITS)),
                "epsilon": In(unsigned(EPSILON_BITS)),
                "out": Out(unsigned(VARIANCE_BITS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, self.advance)
        # These move into the multipliers, so nothing is made of them on the way, not even the magnitude of the total.
        total = stages.register(self.total, name="total")
        squares = stages.register(self.squares, name="squares")
        channels = stages.register(self.channels, name="channels")

        chunks = [squares[n : n + CHUNK_BITS] for n in range(0, SQUARES_BITS, CHUNK_BITS)]
        scaled = [stages.register(chunk * channels, name=f"scaled_{n}") for n, chunk in enumerate(chunks)]
        low, high = total[:CHUNK_BITS], total[CHUNK_BITS:].as_signed()
        ends = stages.register(Cat(low * low, (high * high).as_unsigned()), name="ends")
        middle = stages.register(low * high, name="middle")

        # And these move into them too; sums are far from there.
        scaled = [stages.register(product, name=f"scaled_late_{n}") for n, product in enumerate(scaled)]
        ends, middle = stages.register(ends, name="ends_late"), stages.register(middle, name="middle_late")
        lower = stages.register(scaled[0] + (scaled[1] << CHUNK_BITS), name="lower")
        upper = stages.register(scaled[2], name="upper")
        square = stages.register(ends + (middle << CHUNK_BITS + 1), name="square", shape=unsigned(2 * TOTAL_BITS))

        scaled = stages.register(lower + (upper << 2 * CHUNK_BITS), name="scaled", shape=unsigned(2 * TOTAL_BITS))
        square = stages.delay(square, 1, name="square_late")
        # S S <= C Q (Cauchy), so the difference is not negative; it has at most 55 bits.
        variance = stages.register(scaled - square, name="variance", shape=unsigned(2 * TOTAL_BITS))
        total = variance + self.epsilon
        m.d.comb += self.out.eq(stages.register(total, name="sum", shape=unsigned(VARIANCE_BITS)))
        return m


class LayerNormRowScale(Flow):
    """P lanes from moments to the factor of a row, one word a cycle. One is enough where rows are longer than P.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    table, entry_bits, centre
        Of `vitaccel.reference.rsqrt.Rsqrt` (`LayerNorm.rsqrt`).

    Attributes
    ----------
    i : stream
        ``total`` and ``squares`` of :class:`LayerNormMoments`, ``channels`` (C, 13 bits), ``epsilon`` (62 bits, 1 or
        more), ``last``.
    o : stream
        ``mantissa`` (18 bits a lane), ``exponent`` (5 bits a lane), ``last``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, table, entry_bits, centre):
        check_range("lanes of a layernorm", lanes, 1, 256)
        check_rsqrt(table, entry_bits, centre)
        self._options = {"table": table, "entry_bits": entry_bits, "centre": centre}
        moments = {
            "total": data.ArrayLayout(signed(TOTAL_BITS), lanes),
            "squares": data.ArrayLayout(unsigned(SQUARES_BITS), lanes),
            "channels": unsigned(CHANNEL_BITS),
            "epsilon": unsigned(EPSILON_BITS),
        }
        super().__init__(
            i=data.StructLayout({**moments, "last": 1}),
            o=data.StructLayout({**_scale_of_rows(lanes), "last": 1}),
            stages=latency.LAYERNORM_ROW_SCALE - latency.CREDIT_QUEUE,
        )

    def connect(self, m, stages, out):
        word = self.i.p
        epsilon = stages.delay(word.epsilon, latency.LAYERNORM_VARIANCE - 1, name="epsilon")
        for i in range(len(word.total)):
            variance, root = VarianceLane(), RsqrtLane(**self._options)
            m.submodules[f"variance{i}"] = variance
            m.submodules[f"root{i}"] = root
            m.d.comb += [
                variance.advance.eq(stages.advance),
                variance.total.eq(word.total[i]),
                variance.squares.eq(word.squares[i]),
                variance.channels.eq(word.channels),
                variance.epsilon.eq(epsilon),
                root.advance.eq(stages.advance),
                root.variance.eq(variance.out),
                out.mantissa[i].eq(root.mantissa),
                out.exponent[i].eq(root.exponent),
            ]


class NormalizeLane(wiring.Component):
    """One lane of :class:`LayerNormNormalize`.

    ``x``, ``channels``, ``total``, ``mantissa`` and ``exponent`` belong to the word at the input, ``multiplier`` to the
    word 10 stages on, ``offset`` 13, ``shift`` 14 and ``narrow`` 19 stages on.
    """

    def __init__(self, *, bits):
        self._bits = bits
        super().__init__(
            {
                "advance": In(1),
                "x": In(signed(CODE_BITS)),
                "channels": In(unsigned(CHANNEL_BITS)),
                "total": In(signed(TOTAL_BITS)),
                "mantissa": In(unsigned(MANTISSA_BITS)),
                "exponent": In(unsigned(EXPONENT_BITS)),
                "multiplier": In(signed(FACTOR_BITS)),
                "offset": In(signed(OFFSET_BITS)),
                "shift": In(unsigned(SHIFT_BITS)),
                "narrow": In(1),
                "out": Out(signed(bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, self.advance)
        # What is registered twice before a product moves into the multiplier, which is far from where it is made.
        normal = stages.register(self._normal(stages), name="normal_operand")
        multiplier = stages.register(self.multiplier, name="multiplier_operand")
        scaled = multiply_wide(stages, normal, multiplier, name="affine")
        total = stages.register(scaled + self.offset, name="affine_total")
        shifted = shift_in_two(stages, total, self.shift, name="affine")
        # What lies beyond these bits saturates whatever the rounding bit is. Whether it does is found a stage before.
        kept_bits = self._bits + 2
        upper = shifted[kept_bits - 1 :]
        beyond = stages.register(Cat(upper.any() & ~upper.all(), shifted[-1]), name="affine_beyond")
        kept = stages.register(shifted[:kept_bits], name="affine_lower")
        end = Cat((~beyond[1]).replicate(kept_bits - 1), beyond[1])
        kept = stages.register(Mux(beyond[0], end, kept).as_signed(), name="affine_kept")
        result = stages.register(round_off(kept), name="affine_rounded")
        code = saturate(result, self._bits)
        if self._bits > NARROW_BITS:
            code = Mux(self.narrow, saturate(result, NARROW_BITS), code)
        m.d.comb += self.out.eq(stages.register(code, name="code", shape=signed(self._bits)))
        return m

    def _normal(self, stages):
        """Return z after 10 stages."""
        x = stages.register(self.x, name="x")
        channels = stages.register(self.channels, name="channels")
        product = stages.register(channels * x, name="scaled_x")
        total = stages.delay(self.total, 2, name="total")
        distance = stages.register(product - total, name="distance", shape=signed(TOTAL_BITS + 1))
        distance = stages.register(distance, name="distance_operand")

        # The mantissa's first bit is set: what is left of it is a factor of 17 bits, and the bit a shifted summand.
        mantissa = stages.delay(self.mantissa[:-1], 4, name="mantissa")
        part = multiply_wide(stages, distance, Cat(mantissa, Const(0, 1)).as_signed(), name="part")
        distance = stages.delay(distance, 2, name="distance")
        width = TOTAL_BITS + 1 + MANTISSA_BITS
        product = stages.register(part + (distance << MANTISSA_BITS - 1), name="product", shape=signed(width))

        exponent = stages.delay(self.exponent, 7, name="exponent")
        places = exponent + Const(MANTISSA_BITS - NORMAL_FRACTION, 2)
        shifted = shift_in_two(stages, product, places, name="normal", bits=NORMAL_BITS + 1)
        return stages.register(round_off(shifted), name="normal", shape=signed(NORMAL_BITS))


class LayerNormNormalize(Flow):
    """P lanes of the second pass, one word a cycle, 21 cycles a word.

    Parameters
    ----------
    lanes
        P, 1 to 256.
    bits
        Width of the result, 8 or 16 (`LayerNorm.bits`). With 16 a word may ask for 8.

    Attributes
    ----------
    i : stream
        ``lanes`` (int16); of each lane's row ``total``, ``mantissa`` and ``exponent``; of the word ``channels`` (C),
        ``multiplier`` (signed, 18 bits), ``offset`` (int32), ``shift`` (0 to 23), ``narrow`` (with *bits* = 16:
        saturate this word to 8 bits), ``last``.
    o : stream
        ``lanes`` (signed *bits*), ``last``.

    Raises
    ------
    ValueError
        If a parameter is out of its range.
    """

    def __init__(self, *, lanes, bits=16):
        check_range("lanes of a layernorm", lanes, 1, 256)
        if bits not in (8, 16):
            raise ValueError(f"bits of a layernorm must be 8 or 16, not {bits!r}")
        self._bits = bits
        fields = {
            "total": data.ArrayLayout(signed(TOTAL_BITS), lanes),
            **_scale_of_rows(lanes),
            "channels": unsigned(CHANNEL_BITS),
            "multiplier": signed(FACTOR_BITS),
            "offset": signed(OFFSET_BITS),
            "shift": unsigned(SHIFT_BITS),
        }
        if bits > NARROW_BITS:
            fields["narrow"] = 1
        super().__init__(
            i=lane_word(lanes, signed(CODE_BITS), **fields),
            o=lane_word(lanes, signed(bits)),
            stages=latency.LAYERNORM_NORMALIZE - latency.CREDIT_QUEUE,
        )

    def connect(self, m, stages, out):
        word = self.i.p
        multiplier = stages.delay(word.multiplier, STAGES_TO_NORMAL, name="multiplier")
        offset = stages.delay(word.offset, STAGES_TO_OFFSET, name="offset")
        shift = stages.delay(word.shift, STAGES_TO_SHIFT, name="shift")
        narrow = stages.delay(word.narrow, STAGES_TO_RESULT, name="narrow") if self._bits > NARROW_BITS else 0
        for i, code in enumerate(out.lanes):
            lane = NormalizeLane(bits=self._bits)
            m.submodules[f"lane{i}"] = lane
            m.d.comb += [
                lane.advance.eq(stages.advance),
                lane.x.eq(word.lanes[i]),
                lane.channels.eq(word.channels),
                lane.total.eq(word.total[i]),
                lane.mantissa.eq(word.mantissa[i]),
                lane.exponent.eq(word.exponent[i]),
                lane.multiplier.eq(multiplier),
                lane.offset.eq(offset),
                lane.shift.eq(shift),
                lane.narrow.eq(narrow),
                code.eq(lane.out),
            ]


def _scale_of_rows(lanes):
    return {
        "mantissa": data.ArrayLayout(unsigned(MANTISSA_BITS), lanes),
        "exponent": data.ArrayLayout(unsigned(EXPONENT_BITS), lanes),
    }

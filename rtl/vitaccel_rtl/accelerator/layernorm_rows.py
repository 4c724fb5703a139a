"""LayerNorm of row-blocks that are streamed twice: their moments, a factor for each row, and their normal form."""

from itertools import pairwise

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.lane_arithmetic import CODE_BITS
from vitaccel_rtl.accelerator.lane_words import LANES
from vitaccel_rtl.accelerator.parameter_set import PARAMETER_SET
from vitaccel_rtl.accelerator.row_moments import MOMENTS
from vitaccel_rtl.accelerator.word_delay import WordDelay
from vitaccel_rtl.formats import EPSILON_BITS
from vitaccel_rtl.layernorm import (
    CHANNEL_BITS,
    SHIFT_BITS,
    TOTAL_BITS,
    LayerNormMoments,
    LayerNormNormalize,
    LayerNormRowScale,
)
from vitaccel_rtl.rsqrt import EXPONENT_BITS, MANTISSA_BITS

FACTORS = data.StructLayout(
    {"total": signed(TOTAL_BITS), "mantissa": unsigned(MANTISSA_BITS), "exponent": unsigned(EXPONENT_BITS)}
)
"""What becomes of a row's moments."""


class LayerNormRows(wiring.Component):
    """The three blocks of a LayerNorm, of which one lane makes the factors of all P rows one after the other.

    The factors of two row-blocks are kept, by their parity: while one is normalized, those of the next are made. They
    are all there ``VECTOR_MOMENTS + P - 1`` cycles after the last word of the first pass; another row-block's last word
    may come P cycles after one's, or later.

    Parameters
    ----------
    side
        P, 1 to 64.
    table, entry_bits, centre
        Of the reciprocal square root.
    has_moments
        Whether there are row-blocks whose moments were taken before: they are streamed once.

    Attributes
    ----------
    a : Signal, in
        A word: P codes of 16 bits.
    set : Signal, in
        The channel's parameter set, in the second pass.
    epsilon : Signal, in
        Of the instruction.
    lanes : Signal, in
        What is done with the word, :data:`~vitaccel_rtl.accelerator.lane_words.LANES`.
    valid_moments, ends, valid_normal, first : Signal, in
        The word is one of the first pass; its last; one of the second pass; its first.
    asks, channels : Signal, in
        With *has_moments*: the moments of a row-block are asked for, and have so many channels.
    there, moments : Signal, in
        They come, lane after lane; nothing is streamed for its moments then.
    o : Signal, out
        P codes of 16 bits, ``latency_cycles`` after a word of the second pass.
    """

    def __init__(self, *, side, table, entry_bits, centre, has_moments=False):
        self._side, self._has_moments = side, has_moments
        self._options = {"table": table, "entry_bits": entry_bits, "centre": centre}
        word = data.ArrayLayout(signed(CODE_BITS), side)
        super().__init__(
            {
                "a": In(word),
                "set": In(PARAMETER_SET),
                "epsilon": In(EPSILON_BITS),
                "lanes": In(LANES),
                "valid_moments": In(1),
                "ends": In(1),
                "valid_normal": In(1),
                "first": In(1),
                **(
                    {"asks": In(1), "channels": In(CHANNEL_BITS), "there": In(1), "moments": In(MOMENTS)}
                    if has_moments
                    else {}
                ),
                "o": Out(word),
            }
        )

    @property
    def latency_cycles(self):
        """Cycles from a word of the second pass to its result."""
        return latency.LAYERNORM_NORMALIZE

    def elaborate(self, platform):
        m = Module()
        factors, row = self._scale(m, *self._moments(m))
        self._normalize(m, factors, row)
        return m

    def _moments(self, m):
        """Return whether the first of P rows' moments leave, and a lane's, one lane a cycle."""
        m.submodules.moments = moments = LayerNormMoments(lanes=self._side)
        m.d.comb += [
            moments.i.valid.eq(self.valid_moments),
            moments.i.p.last.eq(self.ends),
            moments.i.p.lanes.eq(self.a),
            moments.o.ready.eq(1),
        ]
        lanes = [
            Signal(len(total) + len(squares), name=f"moments_{n}", reset_less=True)
            for n, (total, squares) in enumerate(zip(moments.o.p.total, moments.o.p.squares, strict=True))
        ]
        left = Signal(range(self._side + 1))
        with m.If(moments.o.valid):
            m.d.sync += left.eq(self._side)
            for lane, total, squares in zip(lanes, moments.o.p.total, moments.o.p.squares, strict=True):
                m.d.sync += lane.eq(Cat(total, squares))
        with m.Elif(left.any()):
            m.d.sync += left.eq(left - 1)
            m.d.sync += [lane.eq(after) for lane, after in pairwise(lanes)]
        if self._has_moments:
            return self.there | left.any(), Mux(self.there, self.moments.as_value(), lanes[0])
        return left.any(), lanes[0]

    def _scale(self, m, valid, moments):
        """Return the factors of a lane's row, and which of the row-block's it is, one-hot, 0 where there is none."""
        m.submodules.scale = scale = LayerNormRowScale(lanes=1, **self._options)
        m.submodules.total = late = WordDelay(width=TOTAL_BITS, cycles=latency.LAYERNORM_ROW_SCALE)
        channels = Signal(CHANNEL_BITS, reset_less=True)
        with m.If(self.valid_moments & self.ends):
            m.d.sync += channels.eq(self.lanes.channels)
        if self._has_moments:
            with m.If(self.asks):
                m.d.sync += channels.eq(self.channels)
        m.d.comb += [
            scale.i.valid.eq(valid),
            Cat(scale.i.p.total.as_value(), scale.i.p.squares.as_value()).eq(moments),
            scale.i.p.channels.eq(channels),
            scale.i.p.epsilon.eq(self.epsilon),
            scale.o.ready.eq(1),
            late.i.eq(moments[:TOTAL_BITS]),
        ]
        factors = Signal(FACTORS, reset_less=True)
        row = Signal(self._side, init=1)
        written = Signal(self._side)
        m.d.sync += [
            factors.total.eq(late.o),
            factors.mantissa.eq(scale.o.p.mantissa[0]),
            factors.exponent.eq(scale.o.p.exponent[0]),
            written.eq(row & scale.o.valid.replicate(self._side)),
        ]
        with m.If(scale.o.valid):
            m.d.sync += row.eq(row.rotate_left(1))
        return factors, written

    def _normalize(self, m, factors, row):
        m.submodules.normalize = normalize = LayerNormNormalize(lanes=self._side)
        parity = Signal()
        with m.If(row[-1]):
            m.d.sync += parity.eq(~parity)
        word = normalize.i.p
        for lane in range(self._side):
            m.submodules[f"factors_{lane}"] = memory = Memory(shape=FACTORS, depth=2, init=[])
            writes, reads = memory.write_port(), memory.read_port(domain="comb")
            m.d.comb += [
                writes.en.eq(row[lane]),
                writes.addr.eq(parity),
                writes.data.eq(factors),
                reads.addr.eq(self.lanes.parity),
                word.total[lane].eq(reads.data.total),
                word.mantissa[lane].eq(reads.data.mantissa),
                word.exponent[lane].eq(reads.data.exponent),
            ]
        shift = Signal(SHIFT_BITS, reset_less=True)
        with m.If(self.first):
            m.d.comb += word.shift.eq(self.set.shift)
            m.d.sync += shift.eq(self.set.shift)
        with m.Else():
            m.d.comb += word.shift.eq(shift)
        m.d.comb += [
            normalize.i.valid.eq(self.valid_normal),
            word.lanes.eq(self.a),
            word.channels.eq(self.lanes.channels),
            word.multiplier.eq(self.set.multiplier),
            word.offset.eq(self.set.offset),
            word.narrow.eq(~self.lanes.is_wide),
            word.last.eq(0),
            normalize.o.ready.eq(1),
            self.o.eq(normalize.o.p.lanes),
        ]

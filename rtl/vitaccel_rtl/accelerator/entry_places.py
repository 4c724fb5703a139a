"""What an entry of a queue needs before it can be added: where its token is, and its factor."""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.accelerator.delay import later
from vitaccel_rtl.accelerator.isa import STEP, WORD_ADDRESS
from vitaccel_rtl.accelerator.lane_words import LANE_NUMBER
from vitaccel_rtl.fixed_point import FACTOR_BITS
from vitaccel_rtl.formats import SCORE_BITS
from vitaccel_rtl.gate_factors import GATE_FACTOR_BITS

ROW = 14
"""Bits of a row, and of a number of tokens."""

RECIPROCAL_SHIFT = 20
"""Bits of the fraction of 1 / P: enough for rows of 14 bits and P up to 32, as the error of a row is below 1 / P."""

ENTRY = data.StructLayout({"row": ROW, "score": SCORE_BITS})

PLACED = data.StructLayout({"out": WORD_ADDRESS, "lane": LANE_NUMBER, "factor": signed(GATE_FACTOR_BITS)})
"""``out``: the row-block of the token; ``lane``: which of its lanes; ``factor``: score times multiplier."""

STAGES = 4
"""Cycles from an entry to its place: the product that divides by P, the quotient's product, remainder and sum."""


def divided(m, number, side, *, name):
    """Return a register of *number*, of 14 bits at most, divided by P: a cycle later."""
    quotient = Signal(ROW, name=name, reset_less=True)
    m.d.sync += quotient.eq((number * -(-(1 << RECIPROCAL_SHIFT) // side)) >> RECIPROCAL_SHIFT)
    return quotient


class EntryPlaces(wiring.Component):
    """Takes an entry, and has its place a few cycles later, until it is taken.

    Parameters
    ----------
    side
        P, 1 to 32.

    Attributes
    ----------
    out, out_step, multiplier : in
        Of the instruction, which hold while entries come.
    i : stream
        :data:`ENTRY`: of a frame's rows the first begins a row-block.
    o : stream
        :data:`PLACED`.
    """

    def __init__(self, *, side):
        self._side = side
        super().__init__(
            {
                "out": In(WORD_ADDRESS),
                "out_step": In(STEP),
                "multiplier": In(signed(FACTOR_BITS)),
                "i": In(stream.Signature(ENTRY)),
                "o": Out(stream.Signature(PLACED)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        empty, takes = Signal(init=1), Signal()
        row, score = (
            Signal(shape, name=name, reset_less=True) for name, shape in (("row", ROW), ("score", SCORE_BITS))
        )
        placed = Signal(PLACED, reset_less=True)
        m.d.comb += [self.i.ready.eq(empty), takes.eq(self.i.valid & empty), self.o.p.eq(placed)]
        with m.If(takes):
            m.d.sync += [empty.eq(0), row.eq(self.i.p.row), score.eq(self.i.p.score)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [empty.eq(1), self.o.valid.eq(0)]
        # The entry stands still meanwhile, so every register has its value so many cycles after it was taken.
        block = divided(m, row, self._side, name="block")
        words = Signal(WORD_ADDRESS, reset_less=True)
        bits = len(placed.lane)
        # A sum: Yosys takes the zeros off a product by a constant, and leaves it wider than what it is assigned to.
        before = sum(block << bit for bit in range(bits + 1) if self._side >> bit & 1)
        m.d.sync += [
            words.eq(block * self.out_step),
            placed.lane.eq(row[:bits] - before[:bits]),
            placed.out.eq(self.out + words),
            placed.factor.eq(score * self.multiplier),
        ]
        with m.If(later(m, takes, STAGES - 1, name="taken")):
            m.d.sync += self.o.valid.eq(1)
        return m

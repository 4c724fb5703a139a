"""The array: P x P output-stationary multiply-accumulators that drain a tile while they accumulate the next."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.pe import OPERAND_BITS, PRODUCT_BITS, PeRow
from vitaccel_rtl.stream import check_range, lane_word


class Array(wiring.Component):
    """Products of K x P words: ``C[r, c] = sum over k of A[k][r] * B[k][c]``, exact, tile after tile.

    Each cycle takes one word of A, a row element for each row, and one of B, a column element for each column; the word
    with ``last`` ends the tile. The sums of a tile move to the drain registers as soon as those are free, and leave
    them as P words while the next tile accumulates.

    Parameters
    ----------
    side
        Rows and columns, P.
    accumulator_bits
        Width of a sum, and of an element of the result. A sum that does not fit wraps.

    Ports
    -----
    i : stream
        ``a`` (P int8), ``b`` (P int8), ``unsigned`` (the elements of this word of A are 0..255: digits of softmax
        numerators), ``by_rows`` (how the tile drains; read with the last word), ``last``.
    o : stream
        ``lanes`` (P signed sums) and ``last``, with the P-th word of a tile. By columns, word j is column j and lane r
        its row r (the token-lane layout); by rows, word j is row j and lane c its column c (the channel-lane layout).

    Timing
    ------
    At full speed a tile of depth K occupies the array for ``interval_cycles(K) = max(K, P)`` cycles, and its first
    word is offered ``latency_cycles = 4`` cycles after its last was accepted: operands, products, sums, drain. The last
    word follows P - 1 cycles later.
    """

    def __init__(self, *, side, accumulator_bits=32):
        check_range("side", side, 2, 64)
        check_range("accumulator_bits", accumulator_bits, PRODUCT_BITS + 1, 48)
        self.side = side
        self.accumulator_bits = accumulator_bits
        operands = data.ArrayLayout(signed(OPERAND_BITS), side)
        word = data.StructLayout({"a": operands, "b": operands, "unsigned": 1, "by_rows": 1, "last": 1})
        result = lane_word(side, signed(accumulator_bits))
        super().__init__({"i": In(stream.Signature(word)), "o": Out(stream.Signature(result))})

    @property
    def latency_cycles(self):
        """Cycles from accepting the last word of a tile to offering the first of its result."""
        return latency.ARRAY

    def interval_cycles(self, depth):
        """Cycles from a tile of depth K to the next, while results are taken as they come: ``max(K, P)``."""
        return latency.array_interval(depth, self.side)

    def elaborate(self, platform):
        m = Module()
        rows = [PeRow(side=self.side, accumulator_bits=self.accumulator_bits) for _ in range(self.side)]
        complete = Signal()  # the sums are those of a whole tile
        by_rows = Signal(reset_less=True)  # of that tile
        load = Signal()
        advance = Signal()
        m.d.comb += [advance.eq(~complete | load), self.i.ready.eq(advance)]
        operands = self._take_operands(m, advance)
        first = self._track_tiles(m, advance, load, operands, complete, by_rows)
        shift = self._drain(m, rows, complete, load, by_rows)
        self._connect_rows(m, rows, advance, operands, first, load, shift)
        return m

    def _take_operands(self, m, advance):
        """First stage: the word, with what it does to the second stage, where its products are."""
        word = self.i.p
        operands = {
            "a": Signal.like(word.a, name="a", reset_less=True),
            "b": Signal.like(word.b, name="b", reset_less=True),
            "unsigned": Signal(name="a_unsigned", reset_less=True),
            "by_rows": Signal(name="operands_by_rows", reset_less=True),
            "last": Signal(name="operands_last", reset_less=True),
        }
        valid = Signal(name="operands_valid")
        with m.If(advance):
            m.d.sync += valid.eq(self.i.valid)
            m.d.sync += [register.eq(word[name]) for name, register in operands.items()]
        return {**operands, "valid": valid}

    def _track_tiles(self, m, advance, load, operands, complete, by_rows):
        """Second and third stage: where a tile begins and ends. Returns valid and first of the products."""
        valid, last, rows = Signal(name="product_valid"), Signal(reset_less=True), Signal(reset_less=True)
        first = Signal(init=1)
        with m.If(load):
            m.d.sync += complete.eq(0)
        with m.If(advance):
            m.d.sync += [valid.eq(operands["valid"]), last.eq(operands["last"]), rows.eq(operands["by_rows"])]
            with m.If(valid):
                m.d.sync += [first.eq(last), complete.eq(last), by_rows.eq(rows)]
        return valid, first

    def _drain(self, m, rows, complete, load, by_rows):
        """Count the words of a tile out; the last may leave in the cycle in which the next tile comes in."""
        busy = Signal()
        place = Signal(range(self.side))
        draining_rows = Signal(reset_less=True)
        shift = Signal()
        ends = Signal()
        m.d.comb += [
            self.o.valid.eq(busy),
            self.o.p.last.eq(place == self.side - 1),
            shift.eq(busy & self.o.ready),
            ends.eq(shift & self.o.p.last),
            load.eq(complete & (~busy | ends)),
        ]
        with m.If(load):
            m.d.sync += [busy.eq(1), place.eq(0), draining_rows.eq(by_rows)]
        with m.Elif(shift):
            m.d.sync += [busy.eq(~ends), place.eq(place + 1)]
        heads = Cat(row.drained[0] for row in rows)
        m.d.comb += self.o.p.lanes.eq(Mux(draining_rows, rows[0].drained.as_value(), heads))
        return shift, draining_rows

    def _connect_rows(self, m, rows, advance, operands, products, load, drain):
        valid, first = products
        shift, by_rows = drain
        for place, row in enumerate(rows):
            m.submodules[f"row_{place}"] = row
            a = operands["a"][place]
            below = rows[(place + 1) % self.side].drained
            m.d.comb += [
                row.a.eq(Cat(a, a[-1] & ~operands["unsigned"]).as_signed()),
                row.b.eq(operands["b"]),
                row.advance.eq(advance),
                row.product_valid.eq(valid),
                row.product_first.eq(first),
                row.load.eq(load),
                row.shift.eq(shift),
                row.by_rows.eq(by_rows),
                row.below.eq(below),
            ]

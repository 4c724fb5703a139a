"""The array: P x P output-stationary multiply-accumulators that drain a tile while they accumulate the next."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.pe import OPERAND_BITS, PRODUCT_BITS, PeRows, pair_operands
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
    macs_per_multiplier
        2 where a multiplier takes 27 x 18 bits or more: PE (r, c) and PE (r + 1, c), which meet the same element of B,
        share one. An odd last row keeps its own.
    has_digits
        Whether sums of wide operands (softmax numerators of 12 or 16 bits) are made digit by digit.

    Ports
    -----
    i : stream
        ``a`` (P int8), ``b`` (P int8), ``unsigned`` (the elements of this word of A are 0..255: digits of softmax
        numerators), ``by_rows`` (how the tile drains; read with the last word), ``last``; with *has_digits*
        ``next_digit`` (the sum so far counts 256 times when this word is added: the first word of a lower digit).
    o : stream
        ``lanes`` (P signed sums) and ``last``, with the P-th word of a tile. By columns, word j is column j and lane r
        its row r (the token-lane layout); by rows, word j is row j and lane c its column c (the channel-lane layout).

    Timing
    ------
    At full speed a tile of K words (each digit of wide operands is words of its own) occupies the array for
    ``interval_cycles(K) = max(K, P)`` cycles, and its first word is offered ``latency_cycles = 4`` cycles after its
    last was accepted: operands, products, sums, drain. The last word follows P - 1 cycles later.
    """

    def __init__(self, *, side, accumulator_bits=32, macs_per_multiplier=1, has_digits=False):
        check_range("side", side, 2, 64)
        check_range("accumulator_bits", accumulator_bits, PRODUCT_BITS + 1, 48)
        check_range("macs_per_multiplier", macs_per_multiplier, 1, 2)
        self.side = side
        self.accumulator_bits = accumulator_bits
        self._pack = macs_per_multiplier
        self._flags = ("unsigned", "by_rows", *(("next_digit",) if has_digits else ()), "last")
        operands = data.ArrayLayout(signed(OPERAND_BITS), side)
        word = data.StructLayout({"a": operands, "b": operands, **dict.fromkeys(self._flags, 1)})
        result = lane_word(side, signed(accumulator_bits))
        super().__init__({"i": In(stream.Signature(word)), "o": Out(stream.Signature(result))})

    @property
    def latency_cycles(self):
        """Cycles from accepting the last word of a tile to offering the first of its result."""
        return latency.ARRAY

    def interval_cycles(self, depth):
        """Cycles from a tile of depth K to the next, while results are taken as they come: ``max(K, P)``."""
        return latency.array_interval(depth, self.side)

    @property
    def multipliers(self):
        """Multipliers of the array."""
        return -(-self.side // self._pack) * self.side

    def elaborate(self, platform):
        m = Module()
        rows = self._rows()
        complete = Signal()  # the sums are those of a whole tile
        by_rows = Signal(reset_less=True)  # of that tile
        load = Signal()
        advance = Signal()
        m.d.comb += [advance.eq(~complete | load), self.i.ready.eq(advance)]
        operands = self._take_operands(m, rows, advance)
        products = self._track_tiles(m, advance, load, operands, complete, by_rows)
        shift = self._drain(m, rows, complete, load, by_rows)
        self._connect_rows(m, rows, advance, operands, products, load, shift)
        return m

    def _rows(self):
        """Rows, in pairs that share multipliers where two products fit one."""
        counts = [min(self._pack, self.side - row) for row in range(0, self.side, self._pack)]
        has_digits = "next_digit" in self._flags
        return [
            PeRows(side=self.side, rows=count, accumulator_bits=self.accumulator_bits, has_digits=has_digits)
            for count in counts
        ]

    def _take_operands(self, m, rows, advance):
        """First stage: the word, with what it does to the second stage, where its products are."""
        word = self.i.p
        flags = {name: Signal(name=f"operands_{name}", reset_less=True) for name in self._flags if name != "unsigned"}
        b = Signal.like(word.b, name="b", reset_less=True)
        valid = Signal(name="operands_valid")
        with m.If(advance):
            m.d.sync += [valid.eq(self.i.valid), b.eq(word.b)]
            m.d.sync += [register.eq(word[name]) for name, register in flags.items()]
        elements = [Cat(a, a[-1] & ~word.unsigned).as_signed() for a in word.a]
        a = []
        for place, row in enumerate(rows):
            first = place * self._pack
            operand = elements[first] if row.rows == 1 else pair_operands(*elements[first : first + 2])
            a.append(Signal.like(row.a, name=f"a_{place}", reset_less=True))
            with m.If(advance):
                m.d.sync += a[-1].eq(operand)
        return {**flags, "a": a, "b": b, "valid": valid}

    def _track_tiles(self, m, advance, load, operands, complete, by_rows):
        """Second and third stage: where a tile begins and ends. Returns the flags of the products."""
        flags = {name: Signal(name=f"product_{name}", reset_less=True) for name in self._flags if name != "unsigned"}
        valid = Signal(name="product_valid")
        first = Signal(init=1)
        with m.If(load):
            m.d.sync += complete.eq(0)
        with m.If(advance):
            m.d.sync += valid.eq(operands["valid"])
            m.d.sync += [flag.eq(operands[name]) for name, flag in flags.items()]
            with m.If(valid):
                m.d.sync += [first.eq(flags["last"]), complete.eq(flags["last"]), by_rows.eq(flags["by_rows"])]
        return {**flags, "valid": valid, "first": first}

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
        heads = Cat(row.drained[place][0] for row in rows for place in range(row.rows))
        m.d.comb += self.o.p.lanes.eq(Mux(draining_rows, rows[0].drained[0].as_value(), heads))
        return shift, draining_rows

    def _connect_rows(self, m, rows, advance, operands, products, load, drain):
        shift, by_rows = drain
        for place, row in enumerate(rows):
            m.submodules[f"row_{place}"] = row
            m.d.comb += [
                row.a.eq(operands["a"][place]),
                row.b.eq(operands["b"]),
                row.advance.eq(advance),
                row.product_valid.eq(products["valid"]),
                row.product_first.eq(products["first"]),
                row.load.eq(load),
                row.shift.eq(shift),
                row.by_rows.eq(by_rows),
                row.below.eq(rows[(place + 1) % len(rows)].drained[0]),
            ]
            if "next_digit" in self._flags:
                m.d.comb += row.next_digit.eq(products["next_digit"])

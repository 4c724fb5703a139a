"""The array: P x P output-stationary multiply-accumulators that drain a tile while they accumulate the next."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl import latency
from vitaccel_rtl.credit_queue import CreditQueue
from vitaccel_rtl.pe import OPERAND_BITS, PRODUCT_BITS, PeRows, pair_operands
from vitaccel_rtl.stream import check_range, lane_word

PLACES = 7
"""Words of results that wait or are on their way: 4 flow at one a cycle, and a tile ends with two in sight."""


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
    ``interval_cycles(K) = max(K, P)`` cycles, and its first word is offered ``latency_cycles = 6`` cycles after its
    last was accepted: operands, products (2), sums, drain, a queue. The last word follows P - 1 cycles later.
    """

    def __init__(self, *, side, accumulator_bits=32, macs_per_multiplier=1, has_digits=False):
        check_range("side", side, 2, 64)
        check_range("accumulator_bits", accumulator_bits, PRODUCT_BITS + 1, 48)
        check_range("macs_per_multiplier", macs_per_multiplier, 1, 2)
        self.side = side
        self.accumulator_bits = accumulator_bits
        self._pack = macs_per_multiplier
        self._has_digits = has_digits
        flags = ("unsigned", "by_rows", *(("next_digit",) if has_digits else ()), "last")
        operands = data.ArrayLayout(signed(OPERAND_BITS), side)
        word = data.StructLayout({"a": operands, "b": operands, **dict.fromkeys(flags, 1)})
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
        load = Signal()
        free = Signal()
        operands, last, by_rows = self._take_operands(m, rows, load, free)
        shift, draining_rows = self._drain(m, rows, load, free, last, by_rows)
        self._connect_rows(m, rows, operands, load, shift, draining_rows)
        return m

    def _rows(self):
        """Rows, in pairs that share multipliers where two products fit one."""
        counts = [min(self._pack, self.side - row) for row in range(0, self.side, self._pack)]
        return [
            PeRows(side=self.side, rows=count, accumulator_bits=self.accumulator_bits, has_digits=self._has_digits)
            for count in counts
        ]

    def _take_operands(self, m, rows, load, free):
        """First stage: the word, which then goes on whatever happens.

        The first word of a tile is added four cycles after it was accepted, when the sums before it must have been
        loaded; so it is accepted when no other tile waits for its load, or the drain is *free* in time.
        """
        word = self.i.p
        accepted = Signal()
        waiting = Signal(2)  # tiles accepted whole that were not loaded
        m.d.comb += [
            self.i.ready.eq(~waiting.any() | (~waiting[1] & free)),
            accepted.eq(self.i.valid & self.i.ready),
        ]
        m.d.sync += waiting.eq(waiting + (accepted & word.last) - load)
        starts = Signal(init=1)
        with m.If(accepted):
            m.d.sync += starts.eq(word.last)
        valid = Signal(name="operands_valid")
        last = Signal(name="operands_last")
        first = Signal(name="operands_first", reset_less=True)
        by_rows = Signal(name="operands_by_rows", reset_less=True)
        b = Signal.like(word.b, name="b", reset_less=True)
        m.d.sync += [
            valid.eq(accepted),
            last.eq(accepted & word.last),
            first.eq(starts),
            by_rows.eq(word.by_rows),
            b.eq(word.b),
        ]
        operands = {"a": self._rows_of_a(m, rows), "b": b, "valid": valid, "first": first}
        if self._has_digits:
            operands["next_digit"] = Signal(name="operands_next_digit", reset_less=True)
            m.d.sync += operands["next_digit"].eq(word.next_digit)
        return operands, last, by_rows

    def _rows_of_a(self, m, rows):
        elements = [Cat(a, a[-1] & ~self.i.p.unsigned).as_signed() for a in self.i.p.a]
        registers = []
        for place, row in enumerate(rows):
            first = place * self._pack
            operand = elements[first] if row.rows == 1 else pair_operands(*elements[first : first + 2])
            registers.append(Signal.like(row.a, name=f"a_{place}", reset_less=True))
            m.d.sync += registers[-1].eq(operand)
        return registers

    def _drain(self, m, rows, load, free, last, by_rows):
        """Load a tile that is due when the one before leaves, and count its words out.

        Rows do two cycles later what is decided here; so a word has its place behind them reserved before it
        moves, and nothing that comes from outside reaches the rows.
        """
        due, due_by_rows = Signal(), Signal(reset_less=True)
        busy = Signal()
        left = Signal(range(self.side + 1))
        at_last, at_second = Signal(reset_less=True), Signal(reset_less=True)
        step = Signal()
        draining_rows = Signal(reset_less=True)
        m.submodules.result = result = CreditQueue(self.o.p.shape(), depth=PLACES)
        wiring.connect(m, result.o, wiring.flipped(self.o))
        m.d.comb += [
            step.eq(busy & result.has_place),
            load.eq(due & (~busy | (step & at_last))),
            free.eq(~busy | (at_last & result.has_place) | (at_second & result.has_two_places)),
            result.reserve.eq(step),
            result.arrives.eq(_later(m, step, 2, name="step")),
        ]
        m.d.sync += due.eq(last | (due & ~load))
        with m.If(last):
            m.d.sync += due_by_rows.eq(by_rows)
        with m.If(load):
            m.d.sync += [busy.eq(1), left.eq(self.side), draining_rows.eq(due_by_rows)]
            m.d.sync += [at_last.eq(0), at_second.eq(self.side == 2)]
        with m.Elif(step):
            m.d.sync += [busy.eq(~at_last), left.eq(left - 1), at_last.eq(left == 2), at_second.eq(left == 3)]
        heads = Cat(row.drained[place][0] for row in rows for place in range(row.rows))
        moved_by_rows = _later(m, draining_rows, 2, name="draining_rows")
        m.d.comb += [
            result.word.lanes.eq(Mux(moved_by_rows, rows[0].drained[0].as_value(), heads)),
            result.word.last.eq(_later(m, at_last, 2, name="at_last")),
        ]
        return step, draining_rows

    def _connect_rows(self, m, rows, operands, load, shift, draining_rows):
        for place, row in enumerate(rows):
            m.submodules[f"row_{place}"] = row
            m.d.comb += [
                row.a.eq(operands["a"][place]),
                row.b.eq(operands["b"]),
                row.valid.eq(operands["valid"]),
                row.first.eq(operands["first"]),
                row.load.eq(load),
                row.shift.eq(shift),
                row.by_rows.eq(draining_rows),
                row.below.eq(rows[(place + 1) % len(rows)].drained[0]),
            ]
            if self._has_digits:
                m.d.comb += row.next_digit.eq(operands["next_digit"])


def _later(m, bit, cycles, *, name):
    """Return a bit so many cycles later."""
    for cycle in range(cycles):
        register = Signal(name=f"{name}_{cycle + 1}")
        m.d.sync += register.eq(bit)
        bit = register
    return bit

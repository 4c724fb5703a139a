"""Rows of the array: P multiply-accumulators that share an element of A, and the registers they drain through.

A row, or a pair of rows, is a component of its own because simulators evaluate equal small modules faster than one
large one.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.stream import check_range

OPERAND_BITS = 8
PRODUCT_BITS = 16
"""Of -128..255 times -128..127: the extremes are -32,640 and 32,385."""

DIGIT_BITS = 8
"""Of a digit of a wide numerator: the digit before it counts 2**8 times as much."""

PAIR_BITS = PRODUCT_BITS + OPERAND_BITS + 2
"""Of two elements of A as one operand: it fits the 27 bits of a wide multiplier."""


def pair_operands(low, high):
    """Return two elements of A, signed 9 bits, as the one operand ``high * 2**16 + low`` of :class:`PeRows`.

    Its product with an element of B holds both products, because the lower one fits 16 signed bits: it is the lower 16
    bits, and the upper one is the rest plus bit 15, which takes back what the sign of the lower one borrowed.
    """
    borrowed = (high + Mux(low[-1], -1, 0))[: PAIR_BITS - PRODUCT_BITS]
    return Cat(low, low[-1].replicate(PRODUCT_BITS - len(low)), borrowed).as_signed()


class PeRows(wiring.Component):
    """One or two rows of P processing elements: product registers, accumulators, and registers that drain.

    Two rows multiply P columns with P multipliers (27 x 18 bits and wider): element c of both meets the same element
    of B, and :func:`pair_operands` puts the two elements of A into one operand.

    Parameters
    ----------
    side
        Elements of a row, P.
    rows
        1 or 2.
    accumulator_bits
        Width of a sum. Sums wrap; that none does is proven for each layer before (``reference.matmul``).
    has_digits
        Whether ``next_digit`` exists.

    Ports
    -----
    a : signed(9) or signed(26), in
        Element of A: an int8, or an unsigned 8-bit digit; of two rows, what :func:`pair_operands` makes of theirs.
    b : P of signed(8), in
        Word of B.
    valid, first : in
        With the operands: their product is added; it is the first of its tile.
    next_digit : in
        With the operands: the sum so far counts 256 times.
    load : in
        Two cycles later the drain registers take the sums, which must be complete then.
    shift : in
        Two cycles later the drain registers move one place, unless they load: by columns towards element 0, or with
        *by_rows* to the row above.
    by_rows : in
        The direction of the drain, two cycles ahead too.
    below : P of signed(accumulator_bits), in
        Drain registers of the row below these.
    drained : rows of P of signed(accumulator_bits), out
        Drain registers; element 0 of a row is what a drain by columns offers.

    Latency: a product is in the sums three cycles after its operands were at the ports: the multiplier's register, one
    on the way from there, the sum. Rows never wait: each has the bits that move its registers in registers of its own,
    so that none of them has to reach all of the array in a cycle.
    """

    def __init__(self, *, side, rows=1, accumulator_bits=32, has_digits=False):
        check_range("side", side, 2, 64)
        check_range("rows", rows, 1, 2)
        check_range("accumulator_bits", accumulator_bits, PRODUCT_BITS + 1, 48)
        self.side = side
        self.rows = rows
        self.accumulator_bits = accumulator_bits
        self._has_digits = has_digits
        sums = data.ArrayLayout(signed(accumulator_bits), side)
        ports = {
            "a": In(signed(PAIR_BITS if rows == 2 else OPERAND_BITS + 1)),
            "b": In(data.ArrayLayout(signed(OPERAND_BITS), side)),
            "valid": In(1),
            "first": In(1),
            "load": In(1),
            "shift": In(1),
            "by_rows": In(1),
            "below": In(sums),
            "drained": Out(data.ArrayLayout(sums, rows)),
        }
        super().__init__({**ports, "next_digit": In(1)} if has_digits else ports)

    def elaborate(self, platform):
        m = Module()
        columns = [self._multiply(m, column) for column in range(self.side)]
        late = self._control(m)
        for row in range(self.rows):
            sums = [self._accumulate(m, late, row, column, products[row]) for column, products in enumerate(columns)]
            self._drain(m, late, row, sums)
        return m

    def _control(self, m):
        """Return what came with the operands, or was decided, two cycles ago."""
        late = {}
        names = ("valid", "load", "shift", "first", "by_rows", *(("next_digit",) if self._has_digits else ()))
        for name in names:
            is_data = name not in ("valid", "load", "shift")
            with_product = Signal(name=f"{name}_with_product", reset_less=is_data)
            late[name] = Signal(name=f"{name}_with_sum", reset_less=is_data)
            m.d.sync += [with_product.eq(getattr(self, name)), late[name].eq(with_product)]
        return late

    def _multiply(self, m, column):
        """Return the products of a column, one a row: from the multiplier, and from there to where the sums are."""
        width = PRODUCT_BITS if self.rows == 1 else PAIR_BITS + OPERAND_BITS
        multiplied = Signal(signed(width), name=f"multiplied_{column}", reset_less=True)
        product = Signal(signed(width), name=f"product_{column}", reset_less=True)
        m.d.sync += [multiplied.eq(self.a * self.b[column]), product.eq(multiplied)]
        if self.rows == 1:
            return [(product, Const(0, 1))]
        # The upper product may lack one, which is added as a carry; its value fits 16 bits again.
        upper = product[PRODUCT_BITS : 2 * PRODUCT_BITS].as_signed()
        return [(product[:PRODUCT_BITS].as_signed(), Const(0, 1)), (upper, product[PRODUCT_BITS - 1])]

    def _accumulate(self, m, late, row, column, product):
        total = Signal(signed(self.accumulator_bits), name=f"sum_{row}_{column}", reset_less=True)
        value, carry = product
        before = Mux(late["first"], 0, total)
        if self._has_digits:
            raised = Cat(Const(0, DIGIT_BITS), total[:-DIGIT_BITS]).as_signed()
            before = Mux(late["first"], 0, Mux(late["next_digit"], raised, total))
        with m.If(late["valid"]):
            m.d.sync += total.eq((before + value + carry)[: self.accumulator_bits])
        return total

    def _drain(self, m, late, row, sums):
        """One wide register a row: simulators move it as a whole."""
        bits = self.accumulator_bits
        kept = Signal(self.side * bits, name=f"kept_{row}", reset_less=True)
        below = self.drained[row + 1].as_value() if row + 1 < self.rows else self.below.as_value()
        moved = Mux(late["by_rows"], below, Cat(kept[bits:], kept[:bits]))
        with m.If(late["load"]):
            m.d.sync += kept.eq(Cat(sums))
        with m.Elif(late["shift"]):
            m.d.sync += kept.eq(moved)
        m.d.comb += self.drained[row].eq(kept)

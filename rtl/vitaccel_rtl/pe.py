"""One row of the array: P multiply-accumulators that share an element of A, and the registers they drain through.

A row is a component of its own because simulators evaluate equal small modules faster than one large one.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from vitaccel_rtl.stream import check_range

OPERAND_BITS = 8
PRODUCT_BITS = 16
"""Of -128..255 times -128..127: the extremes are -32,640 and 32,385."""


class PeRow(wiring.Component):
    """P processing elements: product registers, accumulators, and a second set of registers that drains.

    Parameters
    ----------
    side
        Elements, P.
    accumulator_bits
        Width of a sum. Sums wrap; that none does is proven for each layer before (``reference.matmul``).

    Ports
    -----
    a : signed(9), in
        Element of A: an int8, or an unsigned 8-bit digit.
    b : P of signed(8), in
        Word of B.
    advance : in
        Products and sums load; all rows share it.
    product_valid, product_first : in
        The product register holds a product to add; it is the first of its tile.
    load : in
        The drain registers take the sums (which must be complete).
    shift : in
        The drain registers move one place: by columns towards element 0, or with *by_rows* to the row above.
    by_rows : in
        The direction of the drain.
    below : P of signed(accumulator_bits), in
        Drain registers of the row below.
    drained : P of signed(accumulator_bits), out
        Drain registers; element 0 is what a drain by columns offers.

    Latency: a product is in the sums two cycles of *advance* after its operands were at the ports.
    """

    def __init__(self, *, side, accumulator_bits=32):
        check_range("side", side, 2, 64)
        check_range("accumulator_bits", accumulator_bits, PRODUCT_BITS + 1, 48)
        self.side = side
        self.accumulator_bits = accumulator_bits
        sums = data.ArrayLayout(signed(accumulator_bits), side)
        super().__init__(
            {
                "a": In(signed(OPERAND_BITS + 1)),
                "b": In(data.ArrayLayout(signed(OPERAND_BITS), side)),
                "advance": In(1),
                "product_valid": In(1),
                "product_first": In(1),
                "load": In(1),
                "shift": In(1),
                "by_rows": In(1),
                "below": In(sums),
                "drained": Out(sums),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._drain(m, [self._accumulate(m, column) for column in range(self.side)])
        return m

    def _accumulate(self, m, column):
        product = Signal(signed(PRODUCT_BITS), name=f"product_{column}", reset_less=True)
        total = Signal(signed(self.accumulator_bits), name=f"sum_{column}", reset_less=True)
        before = Mux(self.product_first, 0, total)
        with m.If(self.advance):
            m.d.sync += product.eq(self.a * self.b[column])
            with m.If(self.product_valid):
                m.d.sync += total.eq((before + product)[: self.accumulator_bits])
        return total

    def _drain(self, m, sums):
        """One wide register: simulators move it as a whole."""
        kept = Signal(self.side * self.accumulator_bits, reset_less=True)
        moved = Mux(
            self.by_rows, self.below.as_value(), Cat(kept[self.accumulator_bits :], kept[: self.accumulator_bits])
        )
        with m.If(self.load):
            m.d.sync += kept.eq(Cat(sums))
        with m.Elif(self.shift):
            m.d.sync += kept.eq(moved)
        m.d.comb += self.drained.eq(kept)

"""A component small enough to be synthesised in a second: a product and a sum behind registers."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class ProductAndSum(wiring.Component):
    """``a * b`` after two cycles, or nothing of the kind: a sum without a multiplier."""

    def __init__(self, *, width: int = 8, has_product: bool = True) -> None:
        self.width = width
        self.has_product = has_product
        super().__init__({"a": In(signed(width)), "b": In(signed(width)), "o": Out(signed(2 * width))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b = Signal(signed(self.width), reset_less=True), Signal(signed(self.width), reset_less=True)
        result = Signal(signed(2 * self.width), reset_less=True)
        m.d.sync += [a.eq(self.a), b.eq(self.b), result.eq(a * b if self.has_product else a + b)]
        m.d.comb += self.o.eq(result)
        return m

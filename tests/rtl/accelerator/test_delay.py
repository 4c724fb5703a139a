"""A bit that is seen so many cycles later."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tests.rtl.accelerator.part_bench import watch
from vitaccel_rtl.accelerator.delay import later


class Late(wiring.Component):
    """A bit and the same bit *cycles* later."""

    def __init__(self, cycles: int) -> None:
        self.cycles = cycles
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        assert later(m, self.i, 0, name="now") is self.i
        m.d.comb += self.o.eq(later(m, self.i, self.cycles, name="late"))
        return m


@pytest.mark.parametrize("cycles", [1, 2, 7])
def test_a_bit_is_seen_so_many_cycles_later_and_is_zero_before(cycles: int, seed: int) -> None:
    rng = random.Random(seed)
    bits = [1, *(rng.randrange(2) for _ in range(60))]
    found = [o for (o,) in watch(Late(cycles), [{"i": bit} for bit in bits], ["o"])]
    assert found == ([0] * cycles + bits)[: len(bits)]

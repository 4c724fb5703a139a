from __future__ import annotations

import random

import pytest
import torch
from amaranth.hdl import Module, Signal, signed, unsigned
from amaranth.sim import Simulator

from tests.rtl.stream_bench import run
from vitaccel.reference import fixed_point as spec
from vitaccel_rtl.fixed_point import multiply_wide, round_off, saturate, shift_in_two
from vitaccel_rtl.stream import Pipeline, lane_word


def evaluate(expression, operands: tuple) -> list[int]:
    """Return the value of a combinational *expression* for all values of its one operand."""
    signal, values = operands
    results = []

    async def bench(ctx):
        for value in values:
            ctx.set(signal, value)
            results.append(ctx.get(expression))

    simulator = Simulator(Module())
    simulator.add_testbench(bench)
    simulator.run()
    return results


@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize("bits", [2, 3, 7, 8, 9, 11])
def test_saturation_of_every_value_of_9_bits(bits: int, is_signed: bool) -> None:
    x = Signal(signed(9))
    values = list(range(-256, 256))
    expected = spec.saturate(torch.tensor(values), bits, signed=is_signed).tolist()
    assert evaluate(saturate(x, bits, is_signed=is_signed), (x, values)) == expected


@pytest.mark.parametrize("shape", [signed(8), unsigned(8)], ids=str)
def test_rounding_off_a_bit(shape) -> None:
    x = Signal(shape)
    values = list(range(-128, 128)) if shape.signed else list(range(256))
    assert evaluate(round_off(x), (x, values)) == spec.round_shift(torch.tensor(values), 1).tolist()


class Rounded(Pipeline):
    """``round_shift(wide * factor, shift)``."""

    def __init__(self, *, wide_bits, factor_bits, shift_bits):
        self.bits = wide_bits + factor_bits
        fields = {"factor": signed(factor_bits), "shift": unsigned(shift_bits)}
        out = lane_word(1, signed(self.bits + 2))
        super().__init__(i=lane_word(1, signed(wide_bits), **fields), o=out, latency_cycles=5)

    def connect(self, m, stages, valid, last):
        wide = stages.register(self.i.p.lanes[0], name="wide")
        factor = stages.register(self.i.p.factor, name="factor")
        product = multiply_wide(stages, wide, factor, name="p")
        shifted = shift_in_two(stages, product, stages.delay(self.i.p.shift, 3, name="shift"), name="s")
        m.d.comb += self.o.p.lanes[0].eq(round_off(shifted))


@pytest.mark.parametrize(
    ("wide_bits", "factor_bits", "shift_bits"), [(33, 18, 6), (35, 18, 6), (18, 18, 5), (19, 18, 4), (12, 9, 3)]
)
def test_products_and_rounding_shifts(wide_bits: int, factor_bits: int, shift_bits: int, seed: int) -> None:
    rng = random.Random(seed)
    ends = [(a, b) for a in (-(1 << wide_bits - 1), (1 << wide_bits - 1) - 1, -1, 0) for b in
            (1 - (1 << factor_bits - 1), (1 << factor_bits - 1) - 1)]  # fmt: skip
    cases = [(a, b, s) for a, b in ends for s in range(1 << shift_bits)]
    cases += [
        (rng.randrange(-(1 << wide_bits - 1), 1 << wide_bits - 1),
         rng.randrange(-(1 << factor_bits - 1), 1 << factor_bits - 1), rng.randrange(1 << shift_bits))
        for _ in range(150)
    ]  # fmt: skip
    words = [{"lanes": [a], "factor": b, "shift": s, "last": 0} for a, b, s in cases]
    block = Rounded(wide_bits=wide_bits, factor_bits=factor_bits, shift_bits=shift_bits)
    products, shifts = torch.tensor([a * b for a, b, _ in cases]), torch.tensor([s for *_, s in cases])
    expected = spec.round_shift(products, shifts).tolist()
    assert [w["lanes"][0] for w in run(block, words, len(words)).words] == expected


def test_a_product_too_wide_for_two_multipliers_is_refused() -> None:
    with pytest.raises(ValueError, match="must have at most 35 and 18 bits, not 36, 18"):
        multiply_wide(None, Signal(signed(36)), Signal(signed(18)), name="p")

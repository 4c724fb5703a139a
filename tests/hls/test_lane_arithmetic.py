"""The lanes' elementwise functions in C++, each with operands of int8 and of int16."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.hls.cpp_bench import integers
from tests.hls.machine_bench import Bench
from vitaccel.reference.activation import ActivationTable
from vitaccel.reference.elementwise import AddScaled, Multiply
from vitaccel.reference.requantize import ChannelRequantize, Requantize
from vitaccel_rtl.accelerator.isa import LANE_FUNCTIONS

SIDE, TOKENS, CHANNELS = 8, 16, 11
A, B, OUT = 0, 1000, 2000


class Lanes:
    """Two operands, and sets: one a channel, of which the first two serve as constants."""

    def __init__(self, width: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.width = width
        self.a, self.b = (integers(random, 8 * width, TOKENS * CHANNELS).reshape(TOKENS, CHANNELS) for _ in range(2))
        self.offset = integers(random, 24, CHANNELS)
        self.multiplier = integers(random, 18, CHANNELS).clip(1 - (1 << 17))
        self.shift = np.full(CHANNELS, 18)

    def run(self, function: str, out_width: int, *, has_b: bool = False, table: bytes = b"") -> np.ndarray:
        bench = Bench(SIDE)
        for address, values in ((A, self.a), (B, self.b)):
            bench.put(address, values, width=self.width)
        bench.add_sets(4, self.offset, self.multiplier, self.shift)
        if table:
            bench.add_load("table", 1, table)
        step, plane = CHANNELS * self.width, CHANNELS if self.width == 2 else 0
        bench.add(
            "lane", function=LANE_FUNCTIONS.index(function), a_is_wide=int(self.width == 2),
            is_wide=int(out_width == 2), has_b=int(has_b), table=1, row_blocks=2, channels=CHANNELS, last_rows=SIDE,
            tokens=TOKENS, tiles=2, a=A, a_step=step, a_plane=plane, b=B, b_step=step, b_plane=plane, out=OUT,
            out_step=CHANNELS * out_width, out_plane=CHANNELS if out_width == 2 else 0, sets=4,
        )  # fmt: skip
        bench.run()
        return bench.take(OUT, (TOKENS, CHANNELS), width=out_width)

    @property
    def operands(self) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(self.a), torch.from_numpy(self.b)

    def constant(self, bits: int) -> Requantize:
        return Requantize(int(self.multiplier[0]), int(self.shift[0]), bits)


WIDTHS = pytest.mark.parametrize(("width", "out_width"), [(1, 1), (2, 1), (1, 2), (2, 2)])


@WIDTHS
@pytest.mark.parametrize("function", ["convert", "add", "mul"])
def test_a_set_for_every_channel(function: str, width: int, out_width: int, seed: int) -> None:
    lanes = Lanes(width, seed)
    vectors = [torch.from_numpy(each) for each in (lanes.multiplier, lanes.shift, lanes.offset)]
    expected = ChannelRequantize(*vectors, 8 * out_width).compute(lanes.operands[0])
    np.testing.assert_array_equal(lanes.run(function, out_width), expected.numpy())


@WIDTHS
def test_a_sum_of_two_tensors(width: int, out_width: int, seed: int) -> None:
    lanes = Lanes(width, seed)
    spec = AddScaled(int(lanes.multiplier[0]), int(lanes.multiplier[1]), 18, 8 * out_width)
    np.testing.assert_array_equal(lanes.run("add", out_width, has_b=True), spec.compute(*lanes.operands).numpy())


@WIDTHS
def test_a_product_of_two_tensors(width: int, out_width: int, seed: int) -> None:
    lanes = Lanes(width, seed)
    expected = Multiply(lanes.constant(8 * out_width)).compute(*lanes.operands)
    np.testing.assert_array_equal(lanes.run("mul", out_width, has_b=True), expected.numpy())


@WIDTHS
def test_an_activation(width: int, out_width: int, seed: int) -> None:
    lanes, table = Lanes(width, seed), ActivationTable("gelu", 0.05, 0.001 if out_width == 2 else 0.05, 8 * out_width)
    content = np.array(table.table, f"<i{out_width}").tobytes()
    expected = table.compute(lanes.constant(8).compute(lanes.operands[0]))
    np.testing.assert_array_equal(lanes.run("activation", out_width, table=content), expected.numpy())


@pytest.mark.parametrize("width", [1, 2])
def test_copy_and_zero(width: int, seed: int) -> None:
    lanes = Lanes(width, seed)
    np.testing.assert_array_equal(lanes.run("copy", width), lanes.a)
    assert not lanes.run("zero", width).any()

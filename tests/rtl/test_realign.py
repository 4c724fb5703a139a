"""Shifts between beats and words: by every distance, and masks of every length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from amaranth.hdl import Const, Module, Signal
from amaranth.sim import Simulator

from vitaccel_rtl import dma_latency
from vitaccel_rtl.realign import mask_of, masked, shift_down, shift_up, steps
from vitaccel_rtl.stream import Stages

VALUE = 0x1234_5678_9ABC_DEF0_0F1E_2D3C_4B5A_6978


def results(build: Callable[[Module, Any], Any], inputs: range, width: int, stages: int) -> list[int]:
    """Return what is built of a number, for each of *inputs*, after so many cycles."""
    m, number = Module(), Signal(width)
    output = Signal(128)
    m.d.comb += output.eq(build(m, number))
    m.d.sync += Signal().eq(0)  # a clock, even where nothing is registered
    found = []

    async def bench(ctx: Any) -> None:
        for value in inputs:
            ctx.set(number, value)
            await ctx.tick().repeat(stages + 1)
            found.append(ctx.get(output))

    simulator = Simulator(m)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("distance_bits", [1, 2, 3, 4, 5])
def test_a_step_takes_two_bits_of_the_distance_the_highest_first(distance_bits: int) -> None:
    found = steps(distance_bits)
    assert len(found) == -(-distance_bits // dma_latency.REALIGN_STEP_BITS)
    assert [bit for low, top in found for bit in reversed(range(low, top))] == list(reversed(range(distance_bits)))


@pytest.mark.parametrize("distance_bits", [1, 2, 3])
def test_shifts_by_every_distance(distance_bits: int) -> None:
    distances, stages = range(1 << distance_bits), len(steps(distance_bits))

    def down(m: Module, distance: Any) -> Any:
        return shift_down(Stages(m, Const(1)), Const(VALUE, 128), distance, unit=16, width=32)

    def up(m: Module, distance: Any) -> Any:
        low = Const(VALUE & 0xFFFF_FFFF, 32)
        return shift_up(Stages(m, Const(1)), low, distance, unit=8, width=96, name="up")

    assert results(down, distances, distance_bits, stages) == [VALUE >> 16 * n & 0xFFFF_FFFF for n in distances]
    assert results(up, distances, distance_bits, stages) == [(VALUE & 0xFFFF_FFFF) << 8 * n for n in distances]


def test_bytes_without_a_bit_are_zero() -> None:
    counts = range(9)
    found = results(lambda _, count: masked(Const(VALUE, 128)[:64], mask_of(count, 8)), counts, 4, 0)
    assert found == [VALUE & (1 << 8 * count) - 1 for count in counts]

# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""A row of PEs: products and sums step by step, both directions of the drain."""

from __future__ import annotations

from typing import Any

from amaranth.sim import Simulator

from tests.rtl.stream_bench import refuses
from vitaccel_rtl.pe import PeRows

SIDE = 3


def simulate(bench: Any) -> None:
    row = PeRows(side=SIDE, accumulator_bits=24)

    async def start(ctx: Any) -> None:
        await bench(ctx, row)

    simulator = Simulator(row)
    simulator.add_clock(1e-8)
    simulator.add_testbench(start)
    simulator.run()


async def multiply(ctx: Any, row: PeRows, pairs: list[tuple[int, list[int]]]) -> None:
    """Accumulate pairs of operands, a cycle each, and load the drain registers when the last sum is there."""
    for place, (a, b) in enumerate(pairs):
        ctx.set(row.valid, 1)
        ctx.set(row.first, place == 0)
        ctx.set(row.a, a)
        ctx.set(row.b, b)
        await ctx.tick()
    ctx.set(row.valid, 0)
    await ctx.tick()  # the last product is on its way to the sums
    ctx.set(row.load, 1)
    await ctx.tick()
    ctx.set(row.load, 0)
    await ctx.tick().repeat(2)


def drained(ctx: Any, row: PeRows) -> list[int]:
    return [ctx.get(row.drained[0][column]) for column in range(SIDE)]


def test_sums_of_products_and_a_drain_by_columns() -> None:
    async def bench(ctx: Any, row: PeRows) -> None:
        await multiply(ctx, row, [(255, [127, -128, 0]), (-128, [-128, 127, 1])])
        sums = [255 * 127 + 128 * 128, -255 * 128 - 128 * 127, -128]
        assert drained(ctx, row) == sums
        await ctx.tick()
        assert drained(ctx, row) == sums, "nothing moves without shift"
        ctx.set(row.shift, 1)
        await ctx.tick().repeat(2)
        assert drained(ctx, row) == sums, "two cycles later, not before"
        for column in (1, 2):
            await ctx.tick()
            assert ctx.get(row.drained[0][0]) == sums[column]

    simulate(bench)


def test_a_drain_by_rows_takes_the_row_below() -> None:
    async def bench(ctx: Any, row: PeRows) -> None:
        await multiply(ctx, row, [(2, [1, 2, 3])])
        ctx.set(row.below, [7, -8, 9])
        ctx.set(row.by_rows, 1)
        ctx.set(row.shift, 1)
        await ctx.tick().repeat(2)
        assert drained(ctx, row) == [2, 4, 6]
        await ctx.tick()
        assert drained(ctx, row) == [7, -8, 9]

    simulate(bench)


def test_operands_that_are_not_valid_are_not_added_and_a_new_tile_starts_from_zero() -> None:
    async def bench(ctx: Any, row: PeRows) -> None:
        await multiply(ctx, row, [(3, [1, 1, 1])])
        ctx.set(row.a, 100)
        await ctx.tick().repeat(3)
        await multiply(ctx, row, [(5, [1, 2, 3]), (0, [9, 9, 9])])
        assert drained(ctx, row) == [5, 10, 15]

    simulate(bench)


def test_impossible_parameters_are_refused() -> None:
    refuses("side must be an integer from 2 to 64, not 0", PeRows, side=0)
    refuses("accumulator_bits must be an integer from 17 to 48, not 49", PeRows, side=4, accumulator_bits=49)

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import PERIOD
from vitaccel_rtl.queue_memory import QueueShape
from vitaccel_rtl.queue_order import QueueOrder


def order_of(rounds: list[list[int]]) -> list[tuple[list[int], int]]:
    """Return the order of each round of lengths, and the cycles until it holds."""
    experts = len(rounds[0])
    block = QueueOrder(QueueShape(rows=64, tokens=64, experts=experts, k=1))
    found: list[tuple[list[int], int]] = []

    async def bench(ctx: Any) -> None:
        for lengths in rounds:
            ctx.set(block.forget, 1)
            await ctx.tick()
            ctx.set(block.forget, 0)
            assert not ctx.get(block.ready)
            ctx.set(block.start, 1)
            cycles = asked = 0
            while not ctx.get(block.ready):
                asked, before = ctx.get(block.expert), asked
                await ctx.tick()
                ctx.set(block.start, 0)
                ctx.set(block.length, lengths[before])
                cycles += 1
            found.append(([ctx.get(block.experts[rank]) for rank in range(experts)], cycles))

    simulator = Simulator(block)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("experts", [1, 2, 5, 8, 16])
def test_the_longest_is_first_and_of_equals_the_lower_expert(experts: int, seed: int) -> None:
    rng = random.Random(seed)
    rounds = [[0] * experts, list(range(experts)), list(range(experts))[::-1], [64] * experts]
    rounds += [[rng.choice((0, 1, 2, 63, 64)) for _ in range(experts)] for _ in range(8)]
    for lengths, (order, cycles) in zip(rounds, order_of(rounds), strict=True):
        assert order == sorted(range(experts), key=lambda expert: -lengths[expert])
        assert cycles == experts + 6


@pytest.mark.parametrize("after", range(6))
def test_an_order_that_is_forgotten_before_it_holds_never_does(after: int) -> None:
    """A job may come as soon as no length is read any more; later, the order holds and is forgotten."""
    block = QueueOrder(QueueShape(rows=64, tokens=64, experts=3, k=1))
    held: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(block.start, 1)
        await ctx.tick()
        ctx.set(block.start, 0)
        while ctx.get(block.running):
            await ctx.tick()
        for _ in range(after):
            await ctx.tick()
        ctx.set(block.forget, 1)
        await ctx.tick()
        ctx.set(block.forget, 0)
        for _ in range(8):
            held.append(ctx.get(block.ready))
            await ctx.tick()

    simulator = Simulator(block)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    assert held == [0] * 8

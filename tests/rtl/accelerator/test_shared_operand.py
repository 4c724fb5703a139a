"""Operand A from the parts by turns: which run sets out where and when, and which word is that of all."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import PERIOD
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.accelerator.shared_operand import SharedOperand
from vitaccel_rtl.latency import SLOTS


def runs_of(side: int, count: int, tiles: list[tuple[int, int, int]], cycles: int) -> list[tuple[int, int, int, int]]:
    """Frame, part, address and words of every run; *tiles* are frame, address and depth."""
    part = SharedOperand(side=side, parts=Parts(count=count, words=64))
    found = []

    async def bench(ctx: Any) -> None:
        waiting = list(tiles)
        for cycle in range(cycles):
            starts = bool(waiting) and waiting[0][0] * SLOTS == cycle
            ctx.set(part.phase, cycle % SLOTS)
            ctx.set(part.start, starts)
            if starts:
                _, address, depth = waiting.pop(0)
                ctx.set(part.address, address)
                ctx.set(part.depth, depth)
            for place, run in enumerate(part.runs):
                if ctx.get(run.start):
                    assert cycle % SLOTS == 0
                    found.append((cycle // SLOTS, place, ctx.get(run.address), ctx.get(run.count)))
            await ctx.tick()

    simulator = Simulator(part)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("side", [5, 8, 12, 16])
@pytest.mark.parametrize("count", [2, 3])
def test_runs_follow_each_other_without_a_gap(side: int, count: int, seed: int) -> None:
    rng, frame, turn = random.Random(seed), 0, math.lcm(side, SLOTS)
    tiles, expected = [], []
    for depth in (1, turn, turn + 1, 3 * turn, 5 * turn - 3, rng.randrange(1, 6 * turn), turn * count):
        address = rng.randrange(64)
        tiles.append((frame, address, depth))
        for nth in range(-(-depth // turn)):
            at = address + nth // count * turn
            expected.append((frame + nth * turn // SLOTS, nth % count, at, min(turn, depth - nth * turn)))
        frame += -(-depth // SLOTS) + rng.randrange(3)
    assert runs_of(side, count, tiles, SLOTS * (frame + 2)) == expected


def test_the_word_of_all_is_that_of_who_has_one(seed: int) -> None:
    part, rng = SharedOperand(side=8, parts=Parts(count=3, words=64)), random.Random(seed)

    async def bench(ctx: Any) -> None:
        for _ in range(20):
            chosen, words = rng.randrange(3), [rng.getrandbits(64) for _ in range(3)]
            for place, run in enumerate(part.runs):
                ctx.set(run.valid, place == chosen)
                ctx.set(run.own, words[place])
            assert [ctx.get(run.word) for run in part.runs] == [words[chosen]] * 3

    simulator = Simulator(part)
    simulator.add_testbench(bench)
    simulator.run()

# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a buffer that is refused is never elaborated)
"""The data buffer: beats in order whenever they are taken, as long as there was room for them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import refuses
from vitaccel_rtl.beat_buffer import BeatBuffer


def run(depth: int, count: int, arrives: Callable[[], bool], takes: Callable[[], bool]) -> tuple[list[int], list[int]]:
    """Return the beats taken, and in which cycles; they arrive only where there is room, as `leaves` tells."""
    buffer = BeatBuffer(16, depth=depth)
    taken: list[int] = []
    cycles: list[int] = []

    async def bench(ctx: Any) -> None:
        sent, room = 0, depth
        for cycle in range(40 * count):
            arriving = sent < count and room > 0 and arrives()
            ctx.set(buffer.arrives, arriving)
            ctx.set(buffer.beat, sent)
            ready = takes()
            ctx.set(buffer.o.ready, ready)
            _, _, valid, beat, leaves = await ctx.tick().sample(buffer.o.valid, buffer.o.payload, buffer.leaves)
            sent, room = sent + arriving, room - arriving + leaves
            if valid and ready:
                taken.append(beat)
                cycles.append(cycle)

    simulator = Simulator(buffer)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return taken, cycles


@pytest.mark.parametrize("often", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("depth", [3, 5, 8, 33])
def test_every_beat_once_and_in_order(depth: int, often: float, seed: int) -> None:
    rng = random.Random(seed)
    taken, _ = run(depth, 60, lambda: rng.random() < 1 - often / 2, lambda: rng.random() < often)
    assert taken == list(range(60))


@pytest.mark.parametrize("depth", [3, 8])
def test_its_latency_and_a_beat_a_cycle(depth: int) -> None:
    taken, cycles = run(depth, 20, lambda: True, lambda: True)
    assert taken == list(range(20))
    assert cycles == list(range(BeatBuffer(16, depth=depth).latency_cycles, cycles[0] + 20))


def test_a_depth_out_of_range_is_refused() -> None:
    refuses("depth of a beat buffer must be an integer from 3 to 65536, not 2", BeatBuffer, 16, depth=2)

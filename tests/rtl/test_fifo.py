from __future__ import annotations

import random

import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import PROFILES, Profile, refuses, run
from vitaccel_rtl.fifo import StreamFifo


@pytest.mark.parametrize("depth", [3, 4, 17])
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_every_word_comes_out_once_in_order(profile: Profile, depth: int, seed: int) -> None:
    rng = random.Random(seed)
    sent = [rng.randrange(1 << 12) for _ in range(120)]
    assert run(StreamFifo(12, depth=depth), sent, len(sent), profile, seed).words == sent


@pytest.mark.parametrize("depth", [3, 16])
def test_a_cycle_takes_a_word_and_a_word_takes_the_latency(depth: int) -> None:
    block = StreamFifo(8, depth=depth)
    result = run(block, list(range(50)), 50)
    assert result.offered[0] - result.accepted[0] == block.latency_cycles == 2
    assert result.accepted == list(range(50))


@pytest.mark.parametrize("depth", [3, 8])
def test_it_holds_its_depth_and_then_is_not_ready(depth: int) -> None:
    block = StreamFifo(8, depth=depth)
    seen = []

    async def bench(ctx):
        ctx.set(block.i.valid, 1)
        for _ in range(depth + 4):
            _, _, ready, level = await ctx.tick().sample(block.i.ready, block.level)
            seen.append((ready, level))

    simulator = Simulator(block)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    assert sum(ready for ready, _ in seen) == depth
    assert seen[-1] == (0, depth)


def test_a_depth_that_would_halve_the_throughput_is_refused() -> None:
    refuses("depth of a queue must be an integer from 3 to 65536, not 2", StreamFifo, 8, depth=2)

"""Completions are counted one by one, each engine for itself, from 0 after a clear."""

from __future__ import annotations

import random
from typing import Any

from amaranth.sim import Simulator

from vitaccel_rtl.accelerator.isa import ENGINES
from vitaccel_rtl.accelerator.tokens import Tokens


def test_a_completion_is_counted_in_the_next_cycle(seed: int) -> None:
    rng = random.Random(seed)
    dut = Tokens()
    expected = [0] * len(ENGINES)

    async def bench(ctx: Any) -> None:
        for _ in range(200):
            clears = rng.random() < 0.03
            pulses = [rng.random() < 0.5 for _ in ENGINES]
            ctx.set(dut.clear, clears)
            for done, pulse in zip(dut.done, pulses, strict=True):
                ctx.set(done, pulse)
            assert [ctx.get(count) for count in dut.counts] == expected
            for place, pulse in enumerate(pulses):
                expected[place] = 0 if clears else expected[place] + pulse
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()

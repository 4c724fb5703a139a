"""Every cycle of a run is counted once in all, and once for each engine."""

from __future__ import annotations

import random
from typing import Any

from amaranth.sim import Simulator

from vitaccel_rtl.accelerator.isa import ENGINES
from vitaccel_rtl.accelerator.run_counters import RunCounters

KINDS = ("busy", "waiting", "idle")


def simulate(dut: RunCounters, bench: Any) -> None:
    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()


def test_an_engine_is_busy_or_waiting_or_idle(seed: int) -> None:
    rng = random.Random(seed)
    dut = RunCounters()

    async def bench(ctx: Any) -> None:
        cycles, counts = 0, {(kind, place): 0 for kind in KINDS for place in range(len(ENGINES))}
        for _ in range(300):
            clears, runs = rng.random() < 0.02, rng.random() < 0.8
            ctx.set(dut.clear, clears)
            ctx.set(dut.runs, runs)
            assert ctx.get(dut.cycles_low) == cycles
            cycles = 0 if clears else cycles + runs
            for place in range(len(ENGINES)):
                in_engine, stands = rng.random() < 0.4, rng.random() < 0.5
                ctx.set(dut.in_engine[place], in_engine)
                ctx.set(dut.stands[place], stands)
                kind = "busy" if in_engine else "waiting" if stands else "idle"
                assert {k: ctx.get(getattr(dut, k)[place]) for k in KINDS} == {k: counts[k, place] for k in KINDS}
                counts[kind, place] += runs
            if clears:
                counts = dict.fromkeys(counts, 0)
            await ctx.tick()

    simulate(dut, bench)


def test_the_higher_half_follows_the_lower_one() -> None:
    dut = RunCounters()

    async def bench(ctx: Any) -> None:
        ctx.set(dut.cycles_low, (1 << 32) - 2)
        ctx.set(dut.runs, 1)
        seen = []
        for _ in range(5):
            await ctx.tick()
            seen.append((ctx.get(dut.cycles_high), ctx.get(dut.cycles_low)))
        assert seen == [(0, (1 << 32) - 1), (0, 0), (1, 1), (1, 2), (1, 3)]

    simulate(dut, bench)

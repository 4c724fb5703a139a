# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: components that are refused are not elaborated here)
"""Instructions begin in frames, and not more than so many at a time."""

from __future__ import annotations

import random
from typing import Any

from amaranth.sim import Simulator

from tests.rtl.stream_bench import refuses
from vitaccel_rtl.accelerator.job_gate import JobGate


def test_it_opens_in_phase_0_while_a_place_is_free(seed: int) -> None:
    rng, dut = random.Random(seed), JobGate(jobs=3)
    full = 0

    async def bench(ctx: Any) -> None:
        nonlocal full
        under_way = 0
        for cycle in range(600):
            completes = under_way > 0 and rng.random() < 0.1
            ctx.set(dut.phase, cycle % 8)
            ctx.set(dut.completes, completes)
            opens = ctx.get(dut.opens)
            assert opens == (cycle % 8 == 0 and under_way < 3)
            full += cycle % 8 == 0 and under_way == 3
            begins = bool(opens) and rng.random() < 0.9
            ctx.set(dut.begins, begins)
            under_way += begins - completes
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    assert full


def test_jobs_out_of_range_are_refused() -> None:
    refuses("jobs of an engine must be an integer from 3 to 256, not 2", JobGate, jobs=2)

"""Completions in the order of the jobs, each as soon as it and those before it are finished."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

from amaranth.sim import Simulator

from vitaccel_rtl.accelerator.completion_order import CompletionOrder

PARTS, JOBS = 3, 5


def run_jobs(seed: int) -> tuple[list[int], list[int]]:
    """Return when jobs of random parts were finished, and when that was told."""
    rng, dut = random.Random(seed), CompletionOrder(parts=PARTS, jobs=JOBS)
    finished: list[int] = []
    done: list[int] = []

    async def bench(ctx: Any) -> None:
        given: list[tuple[int, int]] = []
        open_jobs: list[list[int]] = [[] for _ in range(PARTS)]
        for cycle in range(1500):
            part = rng.randrange(PARTS)
            gives = len(given) - len(done) < JOBS and rng.random() < 0.3
            ctx.set(dut.i.valid, gives)
            ctx.set(dut.i.p.part, part)
            finishes = 0
            for place, jobs in enumerate(open_jobs):
                if jobs and given[jobs[0]][1] + 2 <= cycle and rng.random() < 0.2:
                    finishes |= 1 << place
                    finished[jobs.pop(0)] = cycle
            ctx.set(dut.finishes, finishes)
            if ctx.get(dut.done):
                done.append(cycle)
            if gives:
                open_jobs[part].append(len(given))
                given.append((part, cycle))
                finished.append(-1)
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return finished, done


def test_a_completion_waits_for_those_before_it_and_for_nothing_else(seed: int) -> None:
    finished, done = run_jobs(seed)
    assert len(done) > 50
    last = 0
    for finishes, told in zip(finished, done, strict=False):
        last = max(finishes, last) + 1
        assert told == last
    assert any(job > following for job, following in pairwise(finished[: len(done)]))

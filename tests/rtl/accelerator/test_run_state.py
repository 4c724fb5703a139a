"""At rest, running, stopping: against a model of a few lines, with everything happening at any time."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest
from amaranth.sim import Simulator

from vitaccel_rtl.accelerator.run_state import RunState

INPUTS = ("start", "stop", "fails", "is_over", "is_quiet")


@dataclass
class Model:
    """Register by register."""

    state: str = "rest"
    done: int = 0
    error: int = 0

    def step(self, code: int, **now: int) -> dict[str, int]:
        """Return the outputs of this cycle, and go to the next."""
        runs, stops = self.state == "runs", self.state == "stops"
        shown = {"runs": runs, "stops": stops, "done": self.done, "error": self.error}
        starts = self.state == "rest" and now["start"] and not now["stop"]
        breaks = runs and now["fails"]
        ends = runs and now["is_over"] and not now["fails"] and not now["stop"]
        if starts or now["stop"]:
            self.done = self.error = 0
        elif breaks:
            self.error = code
        elif ends:
            self.done = 1
        if starts:
            self.state = "runs"
        elif runs and (now["fails"] or now["stop"]):
            self.state = "stops"
        elif ends or (stops and now["is_quiet"]):
            self.state = "rest"
        return {**shown, "starts": starts, "breaks": breaks, "ends": ends}


@pytest.mark.parametrize("often", [0.05, 0.3, 0.7])
def test_states_are_those_of_the_model(often: float, seed: int) -> None:
    rng = random.Random(seed)
    dut, model = RunState(), Model()
    seen = set()

    async def bench(ctx: Any) -> None:
        for _ in range(400):
            now = {name: int(rng.random() < often) for name in INPUTS}
            code = rng.randrange(1, 9)
            for name, value in now.items():
                ctx.set(getattr(dut, name), value)
            ctx.set(dut.code, code)
            expected = model.step(code, **now)
            assert {name: ctx.get(getattr(dut, name)) for name in expected} == expected
            seen.add(model.state)
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == {"rest", "runs", "stops"}

# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import PERIOD, refuses
from vitaccel_rtl.accelerator.frame_delay import FrameDelay
from vitaccel_rtl.latency import SLOTS


@pytest.mark.parametrize("cycles", [1, 2, 7, 8, 9, 14, 37, 64])
def test_a_frame_is_seen_so_many_cycles_later_for_eight_cycles(cycles: int, seed: int) -> None:
    rng = random.Random(seed)
    delay = FrameDelay(16, cycles=cycles)
    frames = [(rng.randrange(2), rng.randrange(1 << 16)) for _ in range(20)]
    found: list[tuple[int, int, int, int]] = []

    async def bench(ctx: Any) -> None:
        for cycle in range(SLOTS * len(frames)):
            valid, word = frames[cycle // SLOTS]
            ctx.set(delay.phase, cycle % SLOTS)
            ctx.set(delay.valid, valid)
            ctx.set(delay.i, word)
            found.append(tuple(ctx.get(port) for port in (delay.valid_late, delay.o, delay.place, delay.start)))
            await ctx.tick()

    simulator = Simulator(delay)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    assert delay.latency_cycles == cycles
    for cycle, (valid, word, place, start) in enumerate(found):
        frame, expected_place = divmod(cycle - cycles, SLOTS)
        assert place == expected_place
        here, expected = frames[frame] if frame >= 0 else (0, word)
        assert (valid, word) == (here, expected)
        assert start == (here and place == 0)


def test_cycles_out_of_range_are_refused() -> None:
    refuses("cycles of a frame delay must be an integer from 1 to 255, not 0", FrameDelay, 1, cycles=0)

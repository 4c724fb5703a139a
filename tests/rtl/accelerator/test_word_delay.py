# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import PERIOD, refuses
from vitaccel_rtl.accelerator.word_delay import WordDelay


@pytest.mark.parametrize("cycles", [2, 3, 4, 8, 21, 25, 64])
def test_words_come_out_in_order_so_many_cycles_later(cycles: int, seed: int) -> None:
    rng = random.Random(seed)
    delay = WordDelay(width=24, cycles=cycles)
    words = [rng.randrange(1 << 24) for _ in range(200)]
    found = []

    async def bench(ctx: Any) -> None:
        for word in words:
            ctx.set(delay.i, word)
            found.append(ctx.get(delay.o))
            await ctx.tick()

    simulator = Simulator(delay)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    assert delay.latency_cycles == cycles
    assert found[cycles:] == words[:-cycles]


def test_parameters_out_of_range_are_refused() -> None:
    refuses("cycles of a word delay must be an integer from 2 to 64, not 1", WordDelay, width=8, cycles=1)
    refuses("width of a word delay must be an integer from 1 to 4096, not 0", WordDelay, width=0, cycles=2)

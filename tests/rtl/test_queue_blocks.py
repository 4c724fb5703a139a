# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Entries are counted into blocks: where each stands, what it ends, and when the next queue may begin."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import PERIOD, refuses
from vitaccel_rtl.queue_blocks import QueueBlocks


def counted(side: int, queues: list[int]) -> list[tuple[int, int, int]]:
    """Return place, end of block and end of queue of every entry; a queue starts in the cycle that *free* allows."""
    block = QueueBlocks(side=side, entry_bits=6)
    found: list[tuple[int, int, int]] = []
    waiting = list(queues)

    async def bench(ctx: Any) -> None:
        for _ in range(sum(queues) + len(queues) + 2):
            is_open = ctx.get(block.open)
            ctx.set(block.step, is_open)
            if is_open:
                found.append((ctx.get(block.place), ctx.get(block.ends_block), ctx.get(block.ends_queue)))
            starts = bool(waiting) and ctx.get(block.free)
            ctx.set(block.start, starts)
            ctx.set(block.entries, waiting.pop(0) if starts else 63)
            await ctx.tick()
        assert not waiting

    simulator = Simulator(block)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("side", [2, 3, 4, 7, 8])
def test_entries_of_queues_of_every_length(side: int) -> None:
    queues = [0, 1, side - 1, side, side + 1, 0, 0, 3 * side, 2 * side + 1, 1, 1]
    expected = [
        (entry % side, int(entry % side == side - 1 or entry == count - 1), int(entry == count - 1))
        for count in queues
        for entry in range(count)
    ]
    assert counted(side, queues) == expected


def test_impossible_parameters_are_refused() -> None:
    refuses("side of a queue must be an integer from 2 to 64, not 1", QueueBlocks, side=1, entry_bits=4)
    refuses("entry_bits of a queue must be an integer from 1 to 24, not 0", QueueBlocks, side=4, entry_bits=0)

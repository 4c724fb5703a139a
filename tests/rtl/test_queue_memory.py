from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import PERIOD, refuses
from vitaccel_rtl.queue_memory import LOOK_STAGES, QueueMemory, QueueShape


def lists_of(shape: QueueShape, entries: list[tuple[int, int, int]], *, by_rank: bool, limit: int) -> dict[Any, Any]:
    """Append entries of an expert, a rank and a token; return length, count and addresses of every list."""
    block = QueueMemory(shape)
    found: dict[Any, Any] = {}

    async def walk(ctx: Any, count: int) -> list[int]:
        addresses = [ctx.get(block.heads[n]) for n in range(min(count, 2))]
        ctx.set(block.walk, 1)
        for place in range(count):
            ctx.set(block.address, addresses[place])
            await ctx.tick()
            if 1 <= place <= count - 2:
                addresses.append(ctx.get(block.link))
        ctx.set(block.walk, 0)
        return addresses

    async def bench(ctx: Any) -> None:
        ctx.set(block.by_rank, by_rank)
        ctx.set(block.limit, limit)
        for times in (1, 2):
            ctx.set(block.forget, 1)
            await ctx.tick()
            ctx.set(block.forget, 0)
            ctx.set(block.add, 1)
            for expert, rank, token in entries[:: 3 - 2 * (times == 2)]:
                ctx.set(block.add_expert, expert)
                ctx.set(block.add_rank, rank)
                ctx.set(block.add_list, expert << shape.rank_bits | (rank if by_rank else 0))
                ctx.set(block.add_token, token)
                await ctx.tick()
            ctx.set(block.add, 0)
            await ctx.tick()
        for expert in range(shape.experts):
            for rank in range(1 << shape.rank_bits):
                ctx.set(block.expert, expert)
                ctx.set(block.rank, rank)
                await ctx.tick().repeat(LOOK_STAGES)
                count = ctx.get(block.count)
                found[expert, rank] = (ctx.get(block.length), count, await walk(ctx, count))

    simulator = Simulator(block)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("limit", [1, 5, 63])
@pytest.mark.parametrize("by_rank", [False, True])
def test_lists_in_the_order_of_appending(by_rank: bool, limit: int, seed: int) -> None:
    """A list is walked by its two heads and links two entries ahead; what an earlier job left is forgotten."""
    rng = random.Random(seed)
    shape = QueueShape(rows=40, tokens=40, experts=4, k=2)
    entries = [(expert, rank, token) for token in range(40) for rank, expert in enumerate(rng.sample(range(4), 2))]
    for (expert, rank), (length, count, addresses) in lists_of(shape, entries, by_rank=by_rank, limit=limit).items():
        wanted = [
            r << shape.token_bits | token for e, r, token in entries if e == expert and (r == rank or not by_rank)
        ]
        assert (count, addresses) == (len(wanted), wanted)
        assert length == min(limit, sum(e == expert for e, _, _ in entries))


def test_widths_and_depths() -> None:
    """197 tokens with 2 of 8 experts: 453 places for a link of 9 bits, a row of 8, a score of 16; and lists."""
    shape = QueueShape(rows=200, tokens=197, experts=8, k=2)
    assert (shape.entries, shape.lists, shape.address.width, shape.length.width) == (453, 16, 9, 8)
    assert shape.memory_bits == 453 * (9 + 8 + 16) + 16 * (4 * 9 + 8 + 2) + 8 * (8 + 1)
    one = QueueShape(rows=1, tokens=1, experts=1, k=1)
    assert (one.entries, one.lists, one.address.width) == (1, 1, 1)


def test_parameters_out_of_range_are_refused() -> None:
    sizes = {"rows": 16, "tokens": 16, "experts": 4, "k": 2}
    refuses("rows of queues must be an integer from 16 to 4194304, not 15", QueueShape, **{**sizes, "rows": 15})
    refuses("k of queues must be an integer from 1 to 4, not 5", QueueShape, **{**sizes, "k": 5})

"""A front: offers an instruction as it came, no sooner than it may, and loads the next as fast as is declared."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.front import Front
from vitaccel_rtl.accelerator.isa import ENGINES, INSTRUCTION_BYTES, MATMUL
from vitaccel_rtl.accelerator.issue_timing import INSTRUCTION_WORDS


def bits_of(rng: random.Random, waits: tuple[int, ...] = (0, 0, 0, 0)) -> int:
    fields = {placed.field.name: rng.getrandbits(placed.field.bits) for placed in MATMUL.places}
    fields |= {f"wait_{name}": wait for name, wait in zip(ENGINES, waits, strict=True)}
    return int.from_bytes(b"".join(word.to_bytes(4, "little") for word in MATMUL.encode(fields)), "little")


class Feed:
    """Offers instructions word by word, idle as often as told, and sees when each word is taken."""

    def __init__(self, dut: Front, instructions: list[int], idle: float, rng: random.Random) -> None:
        self.dut, self.idle, self.rng = dut, idle, rng
        mask = (1 << 64) - 1
        self.words = [bits >> 64 * place & mask for bits in instructions for place in range(INSTRUCTION_WORDS)]
        self.taken: list[int] = []
        self.cycle = 0
        self.offers = False

    async def tick(self, ctx: Any) -> None:
        sent = len(self.taken)
        self.offers = sent < len(self.words) and (self.offers or self.rng.random() >= self.idle)
        ctx.set(self.dut.i.valid, self.offers)
        if self.offers:
            ctx.set(self.dut.i.payload, self.words[sent])
        if self.offers and ctx.get(self.dut.i.ready):
            self.taken.append(self.cycle)
            self.offers = False
        await ctx.tick()
        self.cycle += 1


def simulate(dut: Front, bench: Any) -> None:
    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("idle", [0.0, 0.4])
def test_instructions_are_offered_as_they_came(idle: float, seed: int) -> None:
    rng = random.Random(seed)
    dut, instructions = Front(), [bits_of(rng) for _ in range(4)]
    feed = Feed(dut, instructions, idle, rng)
    seen: list[int] = []
    accepted: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.enable, 1)
        while len(seen) < len(instructions):
            ready = rng.random() < 0.3
            ctx.set(dut.o.ready, ready)
            offered = ctx.get(dut.o.valid)
            assert offered == ctx.get(dut.is_loaded)
            if offered and ready:
                assert ctx.get(dut.o.p.operation) == MATMUL.code
                seen.append(ctx.get(dut.o.p.words))
                accepted.append(feed.cycle)
            await feed.tick(ctx)
            assert feed.cycle < 1000

    simulate(dut, bench)
    assert seen == instructions
    first_words = feed.taken[INSTRUCTION_WORDS::INSTRUCTION_WORDS]
    assert all(word > at for word, at in zip(first_words, accepted, strict=False)), "one instruction at a time"


def test_the_next_one_is_offered_after_the_declared_cycles(seed: int) -> None:
    rng = random.Random(seed)
    dut = Front()
    feed = Feed(dut, [bits_of(rng) for _ in range(5)], 0.0, rng)
    offered: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(dut.enable, 1)
        ctx.set(dut.o.ready, 1)
        while len(offered) < 5:
            if ctx.get(dut.o.valid):
                offered.append(feed.cycle)
            await feed.tick(ctx)

    simulate(dut, bench)
    assert offered == [INSTRUCTION_WORDS + 1 + dut.interval_cycles * n for n in range(5)]
    assert dut.interval_cycles == 2 + INSTRUCTION_BYTES // 8


@pytest.mark.parametrize("engine", range(len(ENGINES)))
def test_it_is_offered_in_the_cycle_after_the_last_count_it_waits_for(engine: int, seed: int) -> None:
    """A completion is in the counts a cycle after its pulse: `DONE_TO_START` cycles in all."""
    rng = random.Random(seed)
    waits = [rng.randint(1, 1 << 23) for _ in ENGINES]
    dut = Front()
    feed = Feed(dut, [bits_of(rng, tuple(waits))], 0.0, rng)

    async def bench(ctx: Any) -> None:
        ctx.set(dut.enable, 1)
        for place, wait in enumerate(waits):
            ctx.set(dut.counts[place], wait + rng.choice((0, 1, 1 << 20)) if place != engine else wait - 1)
        for _ in range(40):
            assert not ctx.get(dut.o.valid)
            await feed.tick(ctx)
        assert ctx.get(dut.is_loaded)
        ctx.set(dut.counts[engine], waits[engine])
        assert not ctx.get(dut.o.valid)
        await feed.tick(ctx)
        assert ctx.get(dut.o.valid)
        ctx.set(dut.enable, 0)
        assert not ctx.get(dut.o.valid)

    simulate(dut, bench)
    assert latency.DONE_TO_START == 1 + 1

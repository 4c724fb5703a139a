"""Instructions to the queues of their engines: whole, in order, and in the cycles that are declared."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import refuses
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.dispatch import Dispatch
from vitaccel_rtl.accelerator.isa import BY_CODE, ENGINES, OPERATIONS
from vitaccel_rtl.accelerator.issue_timing import INSTRUCTION_WORDS


def words_of(rng: random.Random, code: int) -> list[int]:
    first, *others = (rng.getrandbits(64) for _ in range(INSTRUCTION_WORDS))
    return [first & ~0xFF | code, *others]


def chained(instructions: Iterable[list[int]]) -> list[int]:
    return list(chain.from_iterable(instructions))


@dataclass
class Run:
    """What happened in which cycle."""

    accepted: list[int] = field(default_factory=list)
    taken: list[list[tuple[int, int]]] = field(default_factory=lambda: [[] for _ in ENGINES])
    entered: list[tuple[int, int]] = field(default_factory=list)
    unknown_at: int | None = None


def run(dut: Dispatch, words: list[int], cycles: int, rng: random.Random, idle: float, stall: list[float]) -> Run:
    seen = Run()

    async def bench(ctx: Any) -> None:
        offers = False
        for cycle in range(cycles):
            sent = len(seen.accepted)
            offers = sent < len(words) and (offers or rng.random() >= idle)
            ctx.set(dut.i.valid, offers)
            if offers:
                ctx.set(dut.i.p.data, words[sent])
                ctx.set(dut.i.p.last, sent % INSTRUCTION_WORDS == INSTRUCTION_WORDS - 1)
            for place, queue in enumerate(dut.o):
                ready = rng.random() >= stall[place]
                ctx.set(queue.ready, ready)
                takes = ready and ctx.get(queue.valid)
                ctx.set(
                    dut.leaves[place], takes and len(seen.taken[place]) % INSTRUCTION_WORDS == INSTRUCTION_WORDS - 1
                )
                if takes:
                    seen.taken[place].append((cycle, ctx.get(queue.payload)))
            if offers and ctx.get(dut.i.ready):
                seen.accepted.append(cycle)
                offers = False
            seen.entered += [(cycle, place) for place, enters in enumerate(dut.enters) if ctx.get(enters)]
            if seen.unknown_at is None and ctx.get(dut.is_unknown):
                seen.unknown_at = cycle
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


@pytest.mark.parametrize(("queued", "idle"), [(1, 0.0), (2, 0.3), (8, 0.0)])
def test_every_engine_gets_its_instructions_whole_and_in_order(queued: int, idle: float, seed: int) -> None:
    rng = random.Random(seed)
    codes = [rng.choice(list(BY_CODE)) for _ in range(20)]
    instructions = [words_of(rng, code) for code in codes]
    stall = [rng.choice((0.0, 0.5, 0.8)) for _ in ENGINES]
    seen = run(Dispatch(queued=queued), chained(instructions), 1900, rng, idle, stall)
    engines = [ENGINES.index(BY_CODE[code].engine) for code in codes]
    for place in range(len(ENGINES)):
        own = [words for words, engine in zip(instructions, engines, strict=True) if engine == place]
        assert [word for _, word in seen.taken[place]] == chained(own)
    assert [place for _, place in seen.entered] == engines
    assert [cycle for cycle, _ in seen.entered] == seen.accepted[::INSTRUCTION_WORDS]


def test_an_instruction_every_17_cycles_and_each_word_two_cycles_later(seed: int) -> None:
    """``c = max(f, e + 1) + 1``, and ``e = c + 15``."""
    rng = random.Random(seed)
    words = chained(words_of(rng, rng.choice(list(BY_CODE))) for _ in range(6))
    seen = run(Dispatch(), words, 130, rng, 0.0, [0.0] * 4)
    assert seen.accepted == [1 + 17 * n + w for n in range(6) for w in range(INSTRUCTION_WORDS)]
    offered = sorted(cycle for taken in seen.taken for cycle, _ in taken)
    assert offered == [at + latency.STREAM_FIFO for at in seen.accepted]


def test_a_full_queue_keeps_back_all_that_follow(seed: int) -> None:
    """Two fit, the third waits, and with it one whose own queue is empty."""
    rng = random.Random(seed)
    codes = [OPERATIONS["matmul"].code] * 3 + [OPERATIONS["load"].code]
    words = chained(words_of(rng, code) for code in codes)
    stall = [0.0, 1.0, 0.0, 0.0]
    seen = run(Dispatch(queued=2), words, 200, rng, 0.0, stall)
    assert len(seen.accepted) == 2 * INSTRUCTION_WORDS
    assert seen.taken[ENGINES.index("load")] == []


@pytest.mark.parametrize("code", [0, 9, 255])
def test_an_operation_that_no_engine_has_is_told_and_stays(code: int, seed: int) -> None:
    rng = random.Random(seed)
    words = words_of(rng, 3) + words_of(rng, code) + words_of(rng, 1)
    seen = run(Dispatch(), words, 100, rng, 0.0, [0.0] * 4)
    assert len(seen.accepted) == INSTRUCTION_WORDS
    assert seen.unknown_at == 1 + INSTRUCTION_WORDS + 1


def test_queues_out_of_range_are_refused() -> None:
    refuses("instructions of a queue must be an integer from 1 to 64, not 65", Dispatch, queued=65)

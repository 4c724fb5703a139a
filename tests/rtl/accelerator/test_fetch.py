"""The fetch of a program: its words, whatever memory and sink do; their cycles, as declared; no word of a wrong one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.accelerator.control_bench import MACHINE, Step, program_bytes, random_program
from tests.rtl.stream_bench import refuses
from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.control_map import error_code
from vitaccel_rtl.accelerator.fetch import GEOMETRY, ProgramFetch
from vitaccel_rtl.accelerator.issue_timing import INSTRUCTION_WORDS, Issue
from vitaccel_sim.bench.axi_memory import BEHAVIOURS, SLAVE_ERROR, Behaviour, ReadMemory
from vitaccel_sim.bench.dma_jobs import limits_of

HEADER = {"magic": isa.MAGIC, "version": isa.VERSION, **MACHINE}
ADDRESS = 0x1F00


class Bench:
    """A fetch, its memory, and a sink that stalls as often as told; see what came in which cycle."""

    def __init__(self, image: bytes, *, behaviour: Behaviour, seed: int, stall: float = 0.0, **built: int) -> None:
        content = bytearray(1 << 14)
        content[ADDRESS : ADDRESS + len(image)] = image
        self.dut = ProgramFetch(header=HEADER, **built)
        self.rng = random.Random(seed)
        self.memory = ReadMemory(limits=limits_of(GEOMETRY), content=content, behaviour=behaviour, rng=self.rng)
        self.stall = stall
        self.stops_at: int | None = None
        self.words: list[int] = []
        self.offered: list[int] = []
        self.accepted: list[int] = []
        self.failures: list[tuple[int, int]] = []

    def run(self) -> None:
        simulator = Simulator(self.dut)
        simulator.add_clock(1e-8)
        simulator.add_testbench(self._run)
        simulator.run()

    async def _run(self, ctx: Any) -> None:
        """From the cycle of `start`, which is cycle -1, to where the fetch is idle again."""
        dut = self.dut
        ctx.set(dut.address, ADDRESS | 0x3F)
        held = None
        for cycle in range(-1, 4000):
            ctx.set(dut.start, cycle == -1)
            ctx.set(dut.stop, self.stops_at is not None and cycle >= self.stops_at)
            for name, value in self.memory.drive(cycle).items():
                ctx.set(getattr(dut, f"m_axi_{name}"), value)
            ready = self.rng.random() >= self.stall
            ctx.set(dut.o.ready, ready)
            held = self._see(ctx, cycle, held, ready=ready)
            self.memory.sample(tuple(ctx.get(getattr(dut, f"m_axi_{name}")) for name in self.memory.outputs), cycle)
            await ctx.tick()
            if cycle > 0 and ctx.get(dut.is_idle):
                assert self.memory.in_flight == 0
                return
        raise AssertionError("the fetch must come to rest")

    def _see(self, ctx: Any, cycle: int, held: int | None, *, ready: bool) -> int | None:
        dut = self.dut
        word = ctx.get(dut.o.p.data) if ctx.get(dut.o.valid) else None
        if word is not None and held is None:
            self.offered.append(cycle)
        if word is not None and ready:
            assert ctx.get(dut.o.p.last) == (len(self.words) % INSTRUCTION_WORDS == INSTRUCTION_WORDS - 1)
            self.words.append(word)
            self.accepted.append(cycle)
        if ctx.get(dut.fails):
            self.failures.append((cycle, ctx.get(dut.code)))
        return word if not ready else None


def words_of(steps: Sequence[Step]) -> list[int]:
    return [step.bits >> 64 * place & (1 << 64) - 1 for step in steps for place in range(INSTRUCTION_WORDS)]


def some(seed: int, count: int = 7) -> list[Step]:
    return random_program(random.Random(seed), count, quick=True)


@pytest.mark.parametrize("behaviour", BEHAVIOURS[:4], ids=str)
@pytest.mark.parametrize("stall", [0.0, 0.6])
def test_words_whatever_the_memory_and_the_sink_do(behaviour: Behaviour, stall: float, seed: int) -> None:
    """The program crosses a multiple of 4 KiB in the middle of an instruction."""
    steps = some(seed)
    bench = Bench(program_bytes(steps), behaviour=behaviour, seed=seed, stall=stall, ahead=4)
    bench.run()
    assert bench.words == words_of(steps)
    assert bench.failures == []
    assert len(bench.memory.bursts) == 1 + len(steps) + 1


@pytest.mark.parametrize("latency_cycles", [1, 30])
@pytest.mark.parametrize("ahead", [2, 8])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_cycles_are_those_declared(latency_cycles: int, ahead: int, stall: float, seed: int) -> None:
    """From the cycles in which words were accepted follow those in which all others are offered."""
    steps = some(seed, 12)
    behaviour = Behaviour(latency=latency_cycles)
    bench = Bench(program_bytes(steps), behaviour=behaviour, seed=seed, stall=stall, ahead=ahead)
    bench.run()
    timing = Issue(memory_latency=latency_cycles)
    asked, expected = -INSTRUCTION_WORDS, []
    for place in range(len(steps)):
        ends = bench.accepted[INSTRUCTION_WORDS - 1 :: INSTRUCTION_WORDS]
        credit = ends[place - ahead] + 2 if place >= ahead else 0
        asked = max(timing.header_known + 1, asked + INSTRUCTION_WORDS, credit)
        for word in range(INSTRUCTION_WORDS):
            sent = place * INSTRUCTION_WORDS + word
            expected.append(max(asked + timing.first_word + word, bench.accepted[sent - 1] + 1 if sent else 0))
    assert bench.offered == expected


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"magic": 1}, "magic"),
        ({"version": isa.VERSION + 1}, "version"),
        ({"side": 7}, "machine"),
        ({"numerics": 0}, "machine"),
        ({"features": MACHINE["features"] | 1 << 31}, "machine"),
        ({"instructions": 1 << 20}, "length"),
        ({"magic": 1, "version": 0, "side": 0}, "magic"),
    ],
)
def test_nothing_comes_of_a_header_that_is_wrong(wrong: dict[str, int], error: str, seed: int) -> None:
    bench = Bench(program_bytes(some(seed), **wrong), behaviour=Behaviour(latency=5), seed=seed)
    bench.run()
    assert bench.words == []
    assert bench.failures == [(Issue(memory_latency=5).header_known, error_code(error))]
    assert len(bench.memory.bursts) == 1


@pytest.mark.parametrize("needed", [0, MACHINE["features"] & -MACHINE["features"]])
def test_a_program_that_needs_less_than_the_machine_has_is_run(needed: int, seed: int) -> None:
    steps = some(seed)
    bench = Bench(program_bytes(steps, features=needed), behaviour=Behaviour(), seed=seed)
    bench.run()
    assert bench.words == words_of(steps)


def test_an_instruction_fails_the_cycle_after_its_last_word(seed: int) -> None:
    steps = some(seed)
    bad = random.Random(seed).randrange(len(steps))
    bench = Bench(program_bytes(steps), behaviour=Behaviour(), seed=seed, stall=0.3)
    bench.memory.errors[ADDRESS + isa.HEADER_BYTES + 128 * bad + 8 * (bad % 16)] = SLAVE_ERROR
    bench.run()
    last = bench.accepted[INSTRUCTION_WORDS * (bad + 1) - 1]
    assert bench.failures == [(last + 1, error_code("fetch"))]


@pytest.mark.parametrize("behaviour", BEHAVIOURS[:4], ids=str)
def test_after_a_stop_all_that_was_asked_for_is_taken_and_dropped(behaviour: Behaviour, seed: int) -> None:
    rng = random.Random(seed)
    bench = Bench(program_bytes(some(seed, 20)), behaviour=behaviour, seed=seed, stall=0.5)
    bench.stops_at = rng.randrange(1, 250)
    bench.run()
    assert all(at < bench.stops_at for at in bench.accepted)
    assert bench.failures == []


def test_a_header_that_is_not_whole_is_refused() -> None:
    refuses("version of a header must be an integer from 0 to 4294967295, not 4294967296", ProgramFetch,
            header={**HEADER, "version": 1 << 32})  # fmt: skip
    refuses("instructions read ahead must be an integer from 2 to 14, not 15", ProgramFetch, header=HEADER, ahead=15)

# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a writer that is refused is never elaborated)
"""Words that come when they will: accepted and written in their cycles, and there for who starts after ``done``."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.accelerator.slot_bench import SLOTS, Machine, Port, simulate
from tests.rtl.stream_bench import PERIOD, refuses
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.line_writer import LineWriter
from vitaccel_rtl.accelerator.run_reader import RunReader
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog

SIDE, WORDS, CLIENT = 5, 64, 4


@dataclass
class Seen:
    """In which cycles words were offered and accepted; what was written when; when jobs were done."""

    offered: list[int] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    written: dict[int, tuple[int, int]] = field(default_factory=dict)
    done: list[int] = field(default_factory=list)


Word = tuple[int, int, bool]


def run(words: list[Word], rng: random.Random, idle: float, late: int = 0) -> Seen:
    """Offer words (address, word, last), each as soon as the one before was accepted or after a pause."""
    writer = LineWriter(side=SIDE, words=WORDS, client=CLIENT)
    machine = Machine(side=SIDE, words=WORDS, writers={CLIENT: writer})
    machine.late = late
    seen = Seen()

    async def bench(ctx: Any) -> None:
        cycle = 0
        outputs = (writer.i.ready, writer.memory.valid, writer.memory.line, writer.memory.word, writer.done)

        async def step() -> bool:
            nonlocal cycle
            _, _, ready, valid, line, word, done = await ctx.tick().sample(*outputs)
            if valid:
                seen.written[cycle] = (SLOTS * line + (cycle + CLIENT) % SLOTS, word)
            if done:
                seen.done.append(cycle)
            cycle += 1
            return bool(ready)

        for address, word, last in words:
            ctx.set(writer.i.valid, 0)
            while rng.random() < idle:
                await step()
            ctx.set(writer.i.valid, 1)
            ctx.set(writer.i.p, {"address": address, "word": word, "ends": rng.getrandbits(1), "last": last})
            seen.offered.append(cycle)
            while not await step():
                assert cycle < seen.offered[-1] + 2 * SLOTS, "a word is not accepted"
            seen.accepted.append(cycle - 1)
        ctx.set(writer.i.valid, 0)
        for _ in range(3 * SLOTS):
            await step()

    simulator = Simulator(machine)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    return seen


def jobs(rng: random.Random, count: int, lengths: list[int]) -> list[Word]:
    """Return words of rows, some of which end jobs."""
    words: list[Word] = []
    for _ in range(count):
        length = rng.choice(lengths)
        address = rng.randint(0, WORDS - length)
        ends = rng.random() < 0.5
        words += [(address + n, rng.getrandbits(8 * SIDE), ends and n == length - 1) for n in range(length)]
    return words


def check(words: list[Word], seen: Seen) -> None:
    free = [0] * SLOTS
    written = {}
    for (address, word, _), offered, accepted in zip(words, seen.offered, seen.accepted, strict=True):
        assert accepted == max(offered, free[address % SLOTS]), f"word offered at {offered}"
        wait = (address - CLIENT - 2 - accepted) % SLOTS
        written[accepted + 2 + wait] = (address, word)
        free[address % SLOTS] = accepted + 1 + wait
    assert seen.written == written, "other words were written"
    ends = [cycle + latency.LINE_WRITER for (_, _, last), cycle in zip(words, seen.accepted, strict=True) if last]
    assert seen.done == ends, "other jobs were done"


@pytest.mark.parametrize("idle", [0.0, 0.3, 0.8])
def test_words_of_rows(idle: float, seed: int) -> None:
    rng = random.Random(seed)
    words = jobs(rng, 30, [1, 2, 7, 8, 9, 12, 17])
    check(words, run(words, rng, idle))


@pytest.mark.parametrize("idle", [0.0, 0.3])
def test_consecutive_words_are_never_kept_waiting(idle: float, seed: int) -> None:
    rng = random.Random(seed)
    words = [(place % WORDS, rng.getrandbits(8 * SIDE), place == 199) for place in range(200)]
    seen = run(words, rng, idle)
    check(words, seen)
    assert seen.accepted == seen.offered


def test_a_wrong_phase_is_found(seed: int) -> None:
    rng = random.Random(seed)
    words = jobs(rng, 10, [3, 9])
    with pytest.raises(AssertionError, match=r"^(word|other words)"):
        check(words, run(words, rng, 0.3, late=1))


def found(behind: int, rng: random.Random) -> bool:
    """Write words to all banks in all phases; return whether a run that starts so long after `done` has them all."""
    writer = LineWriter(side=SIDE, words=WORDS, client=CLIENT)
    readers = {client: RunReader(side=SIDE, words=WORDS, client=client) for client in range(SLOTS)}
    machine = Machine(side=SIDE, words=WORDS, writers={CLIENT: writer}, readers=readers)
    put = {name: Port(getattr(writer.i.p, name)) for name in ("address", "word", "last")} | {"v": Port(writer.i.valid)}
    runs = [[Port(getattr(reader, name)) for name in ("start", "address", "count")] for reader in readers.values()]
    drives: list[dict[Port, int]] = [{} for _ in range((SLOTS * 7 + 3) * SLOTS)]
    expected = []
    for number in range(SLOTS):
        begins, address, word = (7 * number + 4) * SLOTS, SLOTS * rng.randrange(8) + number, rng.getrandbits(8 * SIDE)
        accepted = begins - behind - latency.LINE_WRITER
        drives[accepted] |= {put["v"]: 1, put["address"]: address, put["word"]: word, put["last"]: 1}
        for ports in runs:
            drives[begins] |= dict(zip(ports, (1, address, 1), strict=True))
        expected.append((begins + latency.READ_RUN, begins - behind, word))
    probes = [writer.done, *(reader.word for reader in readers.values())]
    seen = simulate(machine, drives, probes)
    assert [cycle for cycle, (done, *_) in enumerate(seen) if done] == [done for _, done, _ in expected]
    return all(seen[cycle][1:] == (word,) * SLOTS for cycle, _, word in expected)


@pytest.mark.parametrize("more", [0, 1, 5])
def test_who_starts_late_enough_finds_the_words(more: int, seed: int) -> None:
    assert found(latency.DONE_TO_START + more, random.Random(seed))


def test_who_starts_a_cycle_earlier_does_not(seed: int) -> None:
    assert not found(latency.DONE_TO_START - 1, random.Random(seed))


def test_the_verilog_is_clean() -> None:
    assert lint(to_verilog(LineWriter(side=4, words=64, client=4), name="writer")) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("client of a slot buffer must be an integer from 0 to 7, not 8", LineWriter, side=4, words=64, client=8)
    refuses("words of a slot buffer must be a multiple of its 8 banks, not 12", LineWriter, side=4, words=12, client=0)

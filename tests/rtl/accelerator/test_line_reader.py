# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a reader that is refused is never elaborated)
"""Runs for who takes words when he will: every word once, in order, asked for and offered in its cycle."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.accelerator.slot_bench import SLOTS, Machine
from tests.rtl.stream_bench import PERIOD, refuses
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.line_reader import PLACES, LineReader
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog

SIDE, WORDS, CLIENT = 5, 64, 6
Row = tuple[int, int, bool]


@dataclass
class Seen:
    """In which cycles runs were offered and accepted, words asked for, offered and taken; and the words."""

    runs_offered: list[int] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    offered: list[int] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    words: list[tuple[int, int]] = field(default_factory=list)


def run(runs: list[Row], rng: random.Random, *, idle: float, stalls: float, late: int = 0) -> tuple[Seen, list[int]]:
    """Return what was seen, and what is in the buffer; stalls come in pieces of up to 40 cycles."""
    reader = LineReader(side=SIDE, words=WORDS, client=CLIENT)
    machine = Machine(side=SIDE, words=WORDS, readers={CLIENT: reader})
    machine.late = late
    contents = [rng.getrandbits(8 * SIDE) for _ in range(WORDS)]
    seen = Seen()

    async def fill(ctx: Any) -> None:
        """One client writes all words, a bank at a time; whole frames, so that the phase is 0 again."""
        write = machine.buffer.writes[0]
        for cycle in range(WORDS):
            line, bank = divmod(cycle, SLOTS)
            ctx.set(write.valid, 1)
            ctx.set(write.line, line)
            ctx.set(write.word, contents[SLOTS * line + bank])
            await ctx.tick()
        ctx.set(write.valid, 0)

    async def bench(ctx: Any) -> None:
        await fill(ctx)
        number, offers, stalled, cycle = 0, False, 0, 0
        total = sum(count for _, count, _ in runs)
        saw = False
        while len(seen.words) < total:
            if number < len(runs) and not offers and rng.random() >= idle:
                offers = True
                address, count, last = runs[number]
                ctx.set(reader.i.p, {"address": address, "count": count, "last": last})
                seen.runs_offered.append(cycle)
            ctx.set(reader.i.valid, offers)
            stalled = stalled - 1 if stalled else rng.randint(1, 40) * (rng.random() < stalls)
            ctx.set(reader.o.ready, not stalled)
            sampled = (reader.i.ready, reader.memory.valid, reader.o.valid, reader.o.p.word, reader.o.p.last)
            _, _, ready, asks, valid, word, last_word = await ctx.tick().sample(*sampled)
            if offers and ready:
                seen.accepted.append(cycle)
                number, offers = number + 1, False
            if asks:
                seen.asked.append(cycle)
            if valid and not saw:
                seen.offered.append(cycle)
            saw = valid and stalled > 0
            if valid and not stalled:
                seen.taken.append(cycle)
                seen.words.append((word, last_word))
            cycle += 1
            assert cycle < 60 * total + 1000, "nothing more comes"

    simulator = Simulator(machine)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()
    return seen, contents


def rows(rng: random.Random, count: int, lengths: list[int]) -> list[Row]:
    made = []
    for _ in range(count):
        length = rng.choice(lengths)
        made.append((rng.randint(0, WORDS - length), length, rng.random() < 0.3))
    return made


def check(runs: list[Row], seen: Seen, contents: list[int]) -> None:
    """Require the words, and all cycles that the contract of the reader gives."""
    words = [(contents[a + n], int(last and n == count - 1)) for a, count, last in runs for n in range(count)]
    assert seen.words == words, "other words came"
    number, asked = 0, -1
    for (address, count, _), offered, accepted in zip(runs, seen.runs_offered, seen.accepted, strict=True):
        assert accepted == max(offered, asked), f"run offered at {offered}"
        first = accepted + latency.LINE_READER + (address - CLIENT - 1 - accepted) % SLOTS
        for place in range(count):
            earliest = max(accepted, asked) + 1
            if number >= PLACES:
                earliest = max(earliest, seen.taken[number - PLACES] + 1)
            asked = earliest + (address + place - CLIENT - earliest) % SLOTS
            assert seen.asked[number] == asked, f"word {number}"
            before = seen.taken[number - 1] + 1 if number else 0
            assert seen.offered[number] == max(first + place, before), f"word {number}"
            number += 1


@pytest.mark.parametrize(("idle", "stalls"), [(0.0, 0.0), (0.6, 0.0), (0.0, 0.1), (0.0, 0.5), (0.6, 0.03)])
def test_runs_anywhere(idle: float, stalls: float, seed: int) -> None:
    rng = random.Random(seed)
    runs = rows(rng, 30, [1, 2, 7, 8, 9, 16, 31, 64])
    check(runs, *run(runs, rng, idle=idle, stalls=stalls))


def test_whole_lines_flow_at_a_word_a_cycle(seed: int) -> None:
    rng = random.Random(seed)
    runs = [(SLOTS * rng.randrange(4), SLOTS * rng.randint(1, 4), False) for _ in range(20)]
    seen, contents = run(runs, rng, idle=0.0, stalls=0.0)
    check(runs, seen, contents)
    assert seen.taken == list(range(seen.taken[0], seen.taken[0] + len(seen.taken)))


def test_a_wrong_phase_is_found(seed: int) -> None:
    rng = random.Random(seed)
    runs = rows(rng, 10, [3, 9])
    with pytest.raises(AssertionError, match=r"^(word|other words)"):
        check(runs, *run(runs, rng, idle=0.0, stalls=0.0, late=1))


def test_the_verilog_is_clean() -> None:
    assert lint(to_verilog(LineReader(side=4, words=64, client=6), name="reader")) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("client of a slot buffer must be an integer from 0 to 7, not 8", LineReader, side=4, words=64, client=8)
    refuses("words of a slot buffer must be a multiple of its 8 banks, not 12", LineReader, side=4, words=12, client=0)

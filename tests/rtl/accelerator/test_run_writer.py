# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a writer that is refused is never elaborated)
"""Runs that are written: every word to its place in its cycle, and there for a reader that starts late enough."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.rtl.accelerator.slot_bench import SLOTS, Machine, Port, Run, closest_runs, simulate
from tests.rtl.stream_bench import refuses
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.run_reader import RunReader
from vitaccel_rtl.accelerator.run_writer import RunWriter
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog

BEHIND = 9
"""Cycles from the start of a run to that of a reader that walks behind it: what `RunWriter` says."""


def drive_runs(
    drives: list[dict[Port, int]], writer: RunWriter, runs: list[Run], rng: random.Random, side: int
) -> dict[int, tuple[int, int]]:
    """Put words of runs on their way; return for each cycle the address and the word that are to be written in it."""
    start, address, count, data = (Port(getattr(writer, name)) for name in ("start", "address", "count", "word"))
    expected: dict[int, tuple[int, int]] = {}
    for run in runs:
        drives[run.start] |= {start: 1, address: run.address, count: run.count}
        for place in range(run.count):
            word = rng.getrandbits(8 * side)
            drives[run.start + place][data] = word
            expected[run.start + 2 + run.wait + place] = (run.address + place, word)
    return expected


def check(side: int, runs: dict[int, list[Run]], rng: random.Random, late: int = 0) -> None:
    """Write the runs of each client and require what each writes, cycle by cycle."""
    words = 64
    writers = {client: RunWriter(side=side, words=words, client=client) for client in runs}
    machine = Machine(side=side, words=words, writers=writers)
    machine.late = late
    cycles = max(client[-1].start + client[-1].count for client in runs.values()) + 2 * SLOTS
    drives: list[dict[Port, int]] = [{} for _ in range(cycles)]
    expected = {client: drive_runs(drives, writer, runs[client], rng, side) for client, writer in writers.items()}
    probes: list[Any] = []
    for writer in writers.values():
        probes += [writer.memory.valid, writer.memory.line, writer.memory.word]
    for cycle, seen in enumerate(simulate(machine, drives, probes)):
        for place, client in enumerate(runs):
            valid, line, word = seen[3 * place : 3 * place + 3]
            got = (SLOTS * line + (cycle + client) % SLOTS, word) if valid else None
            assert got == expected[client].get(cycle), f"writer {client} at cycle {cycle}"


def check_random(side: int, rng: random.Random, *, idle: float, late: int = 0) -> None:
    def runs(client: int) -> list[Run]:
        return closest_runs(rng, words=64, cycles=300, client=client, first=2, starts=1, idle=idle)

    check(side, {client: runs(client) for client in range(SLOTS)}, rng, late)


@pytest.mark.parametrize("idle", [0.0, 0.5])
@pytest.mark.parametrize("side", [4, 5])
def test_all_clients_at_the_closest_starts(side: int, idle: float, seed: int) -> None:
    check_random(side, random.Random(seed), idle=idle)


def test_every_wait_behind_every_other(seed: int) -> None:
    """Runs of one word, which wait beside each other, and of some; each as close behind the one before as it may be."""
    client = 3
    runs = [Run(0, client + 2, 1, 0)]
    for count in (1, 5, 9):
        for first in range(SLOTS):
            for wait in (first, *range(SLOTS)):
                before = runs[-1]
                start = before.start + before.count
                start += max(before.wait - wait, 0)
                runs.append(Run(start, 16 + (start + wait + client + 2) % SLOTS, count, wait))
    check(4, {client: runs}, random.Random(seed))


def test_a_wrong_phase_is_found(seed: int) -> None:
    with pytest.raises(AssertionError, match=r"^writer "):
        check_random(4, random.Random(seed), idle=0.5, late=1)


def too_early(behind: int, count: int, rng: random.Random) -> set[int]:
    """Write runs with client 2, each read by all readers, which start *behind* its start; return who misses words.

    The runs begin in all banks, so for each reader all waits are there.
    """
    side, words = 4, 64
    writer = RunWriter(side=side, words=words, client=2)
    readers = {client: RunReader(side=side, words=words, client=client) for client in range(SLOTS)}
    machine = Machine(side=side, words=words, writers={2: writer}, readers=readers)
    ports = [[Port(getattr(reader, name)) for name in ("start", "address", "count")] for reader in readers.values()]
    drives: list[dict[Port, int]] = [{} for _ in range((SLOTS * 7 + 3) * SLOTS)]
    jobs = []
    for number in range(SLOTS):
        begins, address = (7 * number + 4) * SLOTS, SLOTS * rng.randrange(4) + number
        start = begins - behind
        written = drive_runs(drives, writer, [Run(start, address, count, (address - 4 - start) % SLOTS)], rng, side)
        for reader in ports:
            drives[begins] |= dict(zip(reader, (1, address, count), strict=True))
        jobs.append((begins + latency.READ_RUN, [word for _, word in written.values()]))
    seen = simulate(machine, drives, [reader.word for reader in readers.values()])
    return {
        client
        for client in readers
        for first, written in jobs
        if [cycle[client] for cycle in seen[first : first + count]] != written
    }


@pytest.mark.parametrize("count", [1, 5, 17])
def test_a_reader_walks_behind_a_writer(count: int, seed: int) -> None:
    assert latency.WRITE_RUN + 1 >= BEHIND
    for more in (0, seed % SLOTS):
        assert too_early(BEHIND + more, count, random.Random(seed)) == set()


def test_less_is_too_early(seed: int) -> None:
    """Only clients of the same number meet in one bank in the same cycle; the next is the first to be too early."""
    assert too_early(BEHIND - 1, 5, random.Random(seed)) == {2}
    assert too_early(BEHIND - 2, 5, random.Random(seed)) == {2, 3}


def test_a_run_of_none_is_none() -> None:
    writer = RunWriter(side=4, words=64, client=0)
    machine = Machine(side=4, words=64, writers={0: writer})
    drives: list[dict[Port, int]] = [{Port(writer.start): 1}] + [{} for _ in range(2 * SLOTS)]
    assert not any(valid for (valid,) in simulate(machine, drives, [writer.memory.valid]))


def test_the_verilog_is_clean() -> None:
    assert lint(to_verilog(RunWriter(side=4, words=64, client=3), name="writer")) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("client of a slot buffer must be an integer from 0 to 7, not -1", RunWriter, side=4, words=64, client=-1)
    refuses("words of a slot buffer must be a multiple of its 8 banks, not 12", RunWriter, side=4, words=12, client=0)

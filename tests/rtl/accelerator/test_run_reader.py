# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a reader that is refused is never elaborated)
"""Runs that are read: every word in its cycle, wherever a run begins, at the closest starts, with all clients."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.rtl.accelerator.slot_bench import SLOTS, Machine, Port, Run, Written, closest_runs, simulate
from tests.rtl.stream_bench import refuses
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.run_reader import RunReader
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog


def check(machine: Machine, written: Written, drives: list[dict[Port, int]], runs: dict[int, list[Run]]) -> None:
    """Start the runs of each client, and require their words at the output in their cycles, and no others."""
    probes: list[Any] = []
    expected: list[dict[int, tuple[int | None, int]]] = [{} for _ in drives]
    for place, (client, reader) in enumerate(machine.readers.items()):
        start, address, count = (Port(getattr(reader, name)) for name in ("start", "address", "count"))
        probes += [reader.valid, reader.word, reader.last]
        for run in runs[client]:
            assert run.wait == (run.address - client - 1) % SLOTS
            drives[run.start] |= {start: 1, address: run.address, count: run.count}
            for word in range(run.count):
                asked = run.start + 1 + run.wait + word
                read = written.read(asked, run.address + word)
                expected[run.start + reader.latency_cycles + word][place] = (read, word == run.count - 1)
    for cycle, seen in enumerate(simulate(machine, drives, probes)):
        for place in range(len(machine.readers)):
            valid, word, last = seen[3 * place : 3 * place + 3]
            due = expected[cycle].get(place)
            assert valid == (due is not None), f"reader {place} at cycle {cycle}"
            if due is not None:
                assert due[0] is None or word == due[0], f"reader {place} at cycle {cycle}"
            assert last == (due is not None and due[1]), f"reader {place} at cycle {cycle}"


def written_at_random(machine: Machine, words: int, side: int, rng: random.Random, cycles: int) -> Any:
    """Return a model of writes by all clients in every second cycle, and what drives them."""
    written = Written()
    drives: list[dict[Port, int]] = []
    ports = [[Port(getattr(client, name)) for name in ("valid", "line", "word")] for client in machine.buffer.writes]
    for cycle in range(cycles):
        drive: dict[Port, int] = {}
        for client, (valid, lines, data) in enumerate(ports):
            if rng.random() < 0.5:
                line, word = rng.randrange(words // SLOTS), rng.getrandbits(8 * side)
                drive |= {valid: 1, lines: line, data: word}
                written.write(cycle, SLOTS * line + (cycle + client) % SLOTS, word)
        drives.append(drive)
    return written, drives


def check_random(side: int, rng: random.Random, *, idle: float, late: int = 0) -> None:
    """Run all clients."""
    words, cycles = 64, 300
    readers = {client: RunReader(side=side, words=words, client=client) for client in range(SLOTS)}
    machine = Machine(side=side, words=words, readers=readers)
    machine.late = late
    written, drives = written_at_random(machine, words, side, rng, cycles + 2 * latency.READ_RUN)
    runs = {
        client: closest_runs(rng, words=words, cycles=cycles, client=client, first=1, starts=SLOTS, idle=idle)
        for client in range(SLOTS)
    }
    check(machine, written, drives, runs)


@pytest.mark.parametrize("idle", [0.0, 0.5])
@pytest.mark.parametrize("side", [4, 5])
def test_all_clients_at_the_closest_starts(side: int, idle: float, seed: int) -> None:
    check_random(side, random.Random(seed), idle=idle)


def test_a_wrong_phase_is_found(seed: int) -> None:
    with pytest.raises(AssertionError, match=r"^reader "):
        check_random(4, random.Random(seed), idle=0.5, late=1)


def test_every_wait_behind_every_other(seed: int) -> None:
    """Two runs of a frame's words, for all pairs of waits; the second starts a frame later where it may."""
    words, side, client = 64, 4, 5
    machine = Machine(side=side, words=words, readers={client: RunReader(side=side, words=words, client=client)})
    runs: list[Run] = []
    for first in range(SLOTS):
        for second in range(SLOTS):
            for wait, count in ((first, 8), (second, 5)):
                start = runs[-1].start + SLOTS if runs else 0
                while runs and start + wait < runs[-1].start + runs[-1].wait + runs[-1].count:
                    start += SLOTS
                runs.append(Run(start, 16 + (wait + client + 1) % SLOTS, count, wait))
    cycles = runs[-1].start + 3 * latency.READ_RUN
    written, drives = written_at_random(machine, words, side, random.Random(seed), cycles)
    check(machine, written, drives, {client: runs})


def test_a_start_counts_in_phase_0_only_and_a_run_of_none_is_none() -> None:
    reader = RunReader(side=4, words=64, client=0)
    machine = Machine(side=4, words=64, readers={0: reader})
    start, count = Port(reader.start), Port(reader.count)
    drives: list[dict[Port, int]] = [{start: 1, count: 3 if cycle % SLOTS else 0} for cycle in range(32)]
    assert not any(valid or asks for valid, asks in simulate(machine, drives, [reader.valid, reader.memory.valid]))


def test_the_verilog_is_clean() -> None:
    assert lint(to_verilog(RunReader(side=4, words=64, client=3), name="reader")) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("client of a slot buffer must be an integer from 0 to 7, not 8", RunReader, side=4, words=64, client=8)
    refuses("words of a slot buffer must be a multiple of its 8 banks, not 12", RunReader, side=4, words=12, client=0)

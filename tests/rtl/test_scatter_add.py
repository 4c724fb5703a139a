# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Sums are those of the reference, under every profile, with a memory of any latency; jobs never overtake a write."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Sequence

import pytest

from tests.rtl.queue_bench import Memory, QueueRun, run_queues
from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, refuses
from vitaccel_rtl import latency
from vitaccel_rtl.lint import lint
from vitaccel_rtl.scatter_add import ScatterAdd
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.bench.routed import (
    HIGHEST,
    LOWEST,
    MULTIPLIERS,
    RESULTS,
    SCORES,
    SHIFTS,
    Buffer,
    RoutedJob,
    add,
    random_buffer,
    random_job,
    result_words,
)


def lengths(side: int) -> list[int]:
    return [0, 1, side - 1, side, side + 1, 37, 0, 2]


def drawn(rng: random.Random, side: int, counts: Sequence[int], tiles: int = 0) -> tuple[list[RoutedJob], Buffer]:
    jobs = [random_job(rng, side, count, tiles=tiles) for count in counts]
    return jobs, random_buffer(rng, jobs, side, 16)


def streams(jobs: Sequence[RoutedJob], side: int, beyond: int = LOWEST) -> dict[str, list]:
    return {
        "job": [{**job.walk, **job.scale} for job in jobs],
        "entry": [entry for job in jobs for entry in job.entries],
        "i": [word for job in jobs for word in result_words(job, side, beyond)],
    }


def scatter_add(
    block: ScatterAdd,
    jobs: Sequence[RoutedJob],
    memory: Memory,
    side: int,
    profile: Profile = FULL_SPEED,
    seed: int = 0,
    **options: object,
) -> QueueRun:
    count = sum(len(job.places(side)) for job in jobs)
    return run_queues(block, streams(jobs, side), memory, count, profile, seed, **options)


def check(jobs: Sequence[RoutedJob], buffer: Buffer, side: int, memory: Memory, result: QueueRun) -> None:
    sums = dict(buffer)
    written = [word for job in jobs for word in add(job, sums, side)]
    assert result.words == written
    assert memory.words == sums
    assert result.reads == len(written), "nothing is read beyond a queue"


@pytest.mark.parametrize("side", [4, 5, 8, 16])
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_sums_are_those_of_the_reference(side: int, profile: Profile, seed: int) -> None:
    jobs, buffer = drawn(random.Random(seed), side, lengths(side))
    memory = Memory(dict(buffer))
    result = scatter_add(ScatterAdd(side=side, address_bits=10), jobs, memory, side, profile, seed)
    check(jobs, buffer, side, memory, result)


def test_the_extremes(seed: int) -> None:
    """Every result times every score, multiplier and shift at the ends, added to sums that saturate both ways."""
    rng = random.Random(seed)
    side = len(RESULTS)
    jobs = [
        RoutedJob(
            address=8 * rng.randrange(3), step=8, tiles=1, rows=rng.sample(range(8), len(SCORES)), scores=SCORES,
            multiplier=multiplier, shift=shift, results=[RESULTS] * len(SCORES),
        )
        for multiplier in MULTIPLIERS for shift in SHIFTS
    ]  # fmt: skip
    buffer = random_buffer(rng, jobs, side, 16)
    memory = Memory(dict(buffer))
    result = scatter_add(ScatterAdd(side=side), jobs, memory, side)
    check(jobs, buffer, side, memory, result)
    lanes = {value for word in result.words for value in word["lanes"]}
    assert {LOWEST, HIGHEST} <= lanes


@pytest.mark.parametrize("answer", [1, 3, 14])
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_a_row_may_return_in_the_next_job(profile: Profile, answer: int, seed: int) -> None:
    """The sum of the job before is there, whatever the memory and the writes take; within a job no row returns."""
    rng = random.Random(seed)
    first = dataclasses.replace(random_job(rng, 4, 5, tokens=8, tiles=1), multiplier=1, shift=0)
    jobs = [dataclasses.replace(first, rows=rng.sample(first.rows, 5)) for _ in range(6)]
    buffer = random_buffer(rng, jobs, 4, 16)
    memory = Memory(dict(buffer), answer)
    result = scatter_add(ScatterAdd(side=4), jobs, memory, 4, profile, seed)
    check(jobs, buffer, 4, memory, result)


@pytest.mark.parametrize(
    ("side", "entries", "tiles", "answer"),
    [
        (4, 4, 1, 1),
        (4, 37, 3, 9),
        (5, 6, 2, 3),
        (8, 7, 1, 14),
        (3, 9, 1, 1),
        (16, 1, 2, 2),
        (2, 9, 1, 5),
        (32, 33, 1, 1),
    ],
)
def test_declared_latency_and_interval(side: int, entries: int, tiles: int, answer: int, seed: int) -> None:
    jobs, buffer = drawn(random.Random(seed), side, [entries] * 3, tiles)
    block = ScatterAdd(side=side)
    result = scatter_add(block, jobs, Memory(dict(buffer), answer), side)
    cycles = latency.queue_slots(entries, tiles, side) + latency.scatter_add(side, entries)
    started = result.accepted["job"]
    assert [later - earlier for earlier, later in itertools.pairwise(started)] == [cycles] * 2
    assert result.busy[-1] + 1 == started[-1] + cycles
    if entries >= side:
        assert latency.scatter_add(side, entries) == block.latency_cycles


@pytest.mark.parametrize("after", [1, 6, 13, 20, 33, 47, 80])
def test_a_reset_forgets_what_is_inside(after: int, seed: int) -> None:
    jobs, buffer = drawn(random.Random(seed), 5, [7, 5, 12], tiles=1)
    memory = Memory(dict(buffer))
    forgotten = streams(jobs[::-1], 5)
    result = scatter_add(ScatterAdd(side=5), jobs, memory, 5, interrupted=forgotten, reset_after=after)
    check(jobs, buffer, 5, memory, result)


def test_an_empty_queue_reads_and_writes_nothing(seed: int) -> None:
    jobs, buffer = drawn(random.Random(seed), 4, [0, 0, 0])
    memory = Memory(dict(buffer))
    result = scatter_add(ScatterAdd(side=4), jobs, memory, 4)
    check(jobs, buffer, 4, memory, result)
    assert (result.accepted["job"], result.busy) == ([0, 1, 2], [])


class Hasty(ScatterAdd):
    """Takes the next job while sums of the one before are on their way: what the rule of jobs is for."""

    def _write(self, m: object, word: object) -> None:
        super()._write(m, word)
        m.d.sync += self.busy.eq(0)


def test_a_job_that_overtakes_a_write_is_found(seed: int) -> None:
    rng = random.Random(seed)
    first = dataclasses.replace(random_job(rng, 4, 4, tokens=4, tiles=1), multiplier=2, shift=0, scores=[1 << 15] * 4)
    jobs = [dataclasses.replace(first, results=[[1] * 4, [2] * 4, [3] * 4, [4] * 4])] * 4
    buffer = {place: [0] * 4 for place in first.places(4)}
    memory = Memory(dict(buffer), 1)
    with pytest.raises(AssertionError):
        check(jobs, buffer, 4, memory, scatter_add(Hasty(side=4), jobs, memory, 4))


def test_a_missing_saturation_is_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    jobs = [dataclasses.replace(random_job(rng, 4, 4, tiles=1), shift=0, multiplier=1 << 15, scores=[65535] * 4)]
    jobs = [dataclasses.replace(job, results=[[HIGHEST, LOWEST, 1, HIGHEST]] * 4) for job in jobs]
    buffer = {place: [HIGHEST, LOWEST, 0, HIGHEST] for place in jobs[0].places(4)}
    monkeypatch.setattr("vitaccel_rtl.scatter_add.saturate", lambda value, _bits: value)
    memory = Memory(dict(buffer))
    with pytest.raises(AssertionError):
        check(jobs, buffer, 4, memory, scatter_add(ScatterAdd(side=4), jobs, memory, 4))


def test_verilog_is_clean() -> None:
    for side in (4, 5):
        assert lint(to_verilog(ScatterAdd(side=side), name="scatter_add")) == ()


def test_impossible_parameters_are_refused() -> None:
    refuses("side of a queue must be an integer from 2 to 64, not 65", ScatterAdd, side=65)
    refuses("address_bits of a queue must be an integer from 1 to 32, not 0", ScatterAdd, side=4, address_bits=0)
    refuses("tile_bits of a queue must be an integer from 1 to 24, not 25", ScatterAdd, side=4, tile_bits=25)
    refuses("entry_bits of a queue must be an integer from 1 to 24, not 0", ScatterAdd, side=4, entry_bits=0)
    refuses("in_flight of a scatter-add must be an integer from 3 to 256, not 257", ScatterAdd, side=4, in_flight=257)

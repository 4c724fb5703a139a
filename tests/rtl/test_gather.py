# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Gathered words are the tokens of the queues, under every profile and latency of the memory, as late as declared."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.rtl.queue_bench import Memory, QueueRun, run_queues
from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, refuses
from vitaccel_rtl import latency
from vitaccel_rtl.gather import Gather
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.bench.routed import Buffer, RoutedJob, gathered, random_buffer, random_job

LENGTHS = (0, 1, "P-1", "P", "P+1", 37, 0)


def lengths(side: int) -> list[int]:
    named = {"P-1": side - 1, "P": side, "P+1": side + 1}
    return [named.get(length, length) for length in LENGTHS]


def drawn(rng: random.Random, side: int, counts: Sequence[int], tiles: int = 0) -> tuple[list[RoutedJob], Buffer]:
    jobs = [random_job(rng, side, count, tiles=tiles) for count in counts]
    return jobs, random_buffer(rng, jobs, side, 8)


def streams(jobs: Sequence[RoutedJob]) -> dict[str, list]:
    return {"job": [job.walk for job in jobs], "entry": [row for job in jobs for row in job.rows]}


def expected(jobs: Sequence[RoutedJob], buffer: Buffer, side: int) -> list[dict]:
    return [word for job in jobs for word in gathered(job, buffer, side)]


def gather(
    block: Gather,
    jobs: Sequence[RoutedJob],
    buffer: Buffer,
    side: int,
    profile: Profile = FULL_SPEED,
    seed: int = 0,
    answer: int | None = None,
    **options: object,
) -> QueueRun:
    count = sum(latency.queue_slots(len(job.rows), job.tiles, side) for job in jobs)
    return run_queues(block, streams(jobs), Memory(dict(buffer), answer), count, profile, seed, **options)


@pytest.mark.parametrize("side", [4, 5, 8, 16])
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_words_are_the_tokens_of_the_queues(side: int, profile: Profile, seed: int) -> None:
    jobs, buffer = drawn(random.Random(seed), side, lengths(side))
    block = Gather(side=side, address_bits=10)
    result = gather(block, jobs, buffer, side, profile, seed)
    assert result.words == expected(jobs, buffer, side)
    assert result.reads == sum(len(job.rows) * job.tiles for job in jobs), "nothing is read beyond a queue"


@pytest.mark.parametrize(
    ("side", "entries", "tiles", "answer"),
    [
        (4, 4, 1, 1),
        (4, 37, 3, 2),
        (5, 6, 2, 3),
        (8, 7, 1, 7),
        (3, 9, 1, 1),
        (16, 1, 2, 2),
        (2, 9, 1, 5),
        (32, 33, 1, 1),
    ],
)
def test_declared_latency_and_interval(side: int, entries: int, tiles: int, answer: int, seed: int) -> None:
    rng = random.Random(seed)
    jobs, buffer = drawn(rng, side, [entries] * 3, tiles)
    block = Gather(side=side)
    result = gather(block, jobs, buffer, side, answer=answer)
    slots, first = latency.queue_slots(entries, tiles, side), result.accepted["job"][0]
    ends = [result.offered[(place + 1) * slots - 1] - first for place in range(3)]
    assert ends == [(place + 1) * slots + latency.gather(side, answer) for place in range(3)]
    if answer <= latency.STREAM_FIFO:
        assert latency.gather(side, answer) == block.latency_cycles


def test_an_answer_may_take_as_long_as_reads_are_in_flight(seed: int) -> None:
    """With N reads under way, one word a cycle up to an answer after N - 1 cycles; beyond that, N words in N + 1."""
    for answer, cycles in ((15, 64), (16, 67)):
        jobs, buffer = drawn(random.Random(seed), 4, [64], 1)
        result = gather(Gather(side=4, in_flight=16), jobs, buffer, 4, answer=answer)
        assert result.offered[-1] - result.offered[0] == cycles - 1, answer


@pytest.mark.parametrize("after", [1, 3, 6, 11, 17, 30, 60])
def test_a_reset_forgets_what_is_inside(after: int, seed: int) -> None:
    rng = random.Random(seed)
    jobs, buffer = drawn(rng, 5, [7, 5, 12])
    block = Gather(side=5)
    result = gather(block, jobs, buffer, 5, FULL_SPEED, seed, interrupted=streams(jobs[::-1]), reset_after=after)
    assert result.words == expected(jobs, buffer, 5)


def test_an_empty_queue_makes_no_words(seed: int) -> None:
    jobs, buffer = drawn(random.Random(seed), 4, [0, 0, 0])
    result = gather(Gather(side=4), jobs, buffer, 4)
    assert result.words == []
    assert result.accepted["job"] == [0, 1, 2]


def test_lanes_beyond_the_queue_that_are_not_masked_are_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, buffer = drawn(random.Random(seed), 4, [6])
    monkeypatch.setattr("vitaccel_rtl.gather.Mux", lambda _select, word, _zero: word)
    assert gather(Gather(side=4), jobs, buffer, 4).words != expected(jobs, buffer, 4)


def test_verilog_is_clean() -> None:
    for side in (4, 5):
        assert lint(to_verilog(Gather(side=side), name="gather")) == ()


def test_impossible_parameters_are_refused() -> None:
    refuses("side of a queue must be an integer from 2 to 64, not 1", Gather, side=1)
    refuses("address_bits of a queue must be an integer from 1 to 32, not 33", Gather, side=4, address_bits=33)
    refuses("tile_bits of a queue must be an integer from 1 to 24, not 0", Gather, side=4, tile_bits=0)
    refuses("entry_bits of a queue must be an integer from 1 to 24, not 25", Gather, side=4, entry_bits=25)
    refuses("in_flight of a gather must be an integer from 3 to 256, not 2", Gather, side=4, in_flight=2)

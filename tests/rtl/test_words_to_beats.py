"""Beats of words: every byte of a row in its place with its strobe, no other; one beat a cycle."""

from __future__ import annotations

import random

import pytest

from tests.rtl.dma_bench import POINTS, plans_of
from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile
from tests.rtl.streams_bench import Sink, Source, exchange
from tests.rtl.test_bursts import jobs_of
from vitaccel_rtl import dma_latency
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_timing import Job
from vitaccel_rtl.words_to_beats import WordsToBeats
from vitaccel_sim.bench.dma_jobs import beats_of, word_count

PLAIN = Geometry(data_bits=64, word_bytes=8)


def beats_with(job: Job, words: list[list[int]], geometry: Geometry) -> list[dict[str, object]]:
    """Return the beats of a job's runs with the bytes of its words."""
    rest, size, beats = iter(words), geometry.beat_bytes, []
    held: dict[int, int] = {}
    for row in range(job.rows):
        start = job.address + row * job.stride_bytes
        lanes = [lane for _ in range(-(-job.row_bytes // geometry.word_bytes)) for lane in next(rest)]
        held |= dict(zip(range(start, start + job.row_bytes), lanes, strict=False))
        if job.stride_bytes != job.row_bytes or row == job.rows - 1:
            begin, end = min(held), max(held)
            for at in range(begin // size * size, end + 1, size):
                strobe = sum((at + lane in held) << lane for lane in range(size))
                beats.append({"lanes": [held.get(at + lane, 0) for lane in range(size)], "strobe": strobe})
            held = {}
    return beats


def run(geometry: Geometry, jobs: list[Job], profile: Profile, seed: int) -> tuple[Sink, list[dict[str, object]]]:
    """Return what came out, and what must."""
    rng, dut = random.Random(seed), WordsToBeats(geometry)
    expected, words = [], []
    for job in jobs:
        own = [
            [rng.randrange(256) for _ in range(geometry.word_bytes)]
            for _ in range(word_count(job, geometry.word_bytes))
        ]
        expected += beats_with(job, own, geometry)
        words += own
    sink = Sink(sum(len(beats_of(job, geometry.beat_bytes)) for job in jobs), profile)
    plans = Source(plans_of(jobs, geometry), profile)
    lanes = Source([{"lanes": word} for word in words], profile)
    exchange(dut, [(dut.plan, plans), (dut.i, lanes)], [(dut.o, sink)], seed=seed)
    return sink, expected


@pytest.mark.parametrize("profile", PROFILES[::3], ids=str)
@pytest.mark.parametrize("point", POINTS[1:4:2], ids=str)
def test_beats_of_words(point: dict[str, int], profile: Profile, seed: int) -> None:
    geometry = Geometry(**point)
    sink, expected = run(geometry, jobs_of(geometry, seed)[:6], profile, seed)
    assert sink.words == expected


def test_its_latency_and_a_beat_a_cycle(seed: int) -> None:
    sink, _ = run(PLAIN, [Job(address=0, row_bytes=160)], FULL_SPEED, seed)
    first = dma_latency.words_to_beats(**PLAIN.sizes)
    assert sink.offered == list(range(first, first + 20))

"""Words of the beats of bursts: bytes in place, zeros beyond a row, errors with the words of their beats."""

from __future__ import annotations

import random

import pytest

from tests.rtl.dma_bench import POINTS, plans_of
from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile
from tests.rtl.streams_bench import Sink, Source, exchange
from tests.rtl.test_bursts import jobs_of
from vitaccel_rtl import dma_latency
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.beats_to_words import BeatsToWords
from vitaccel_rtl.dma_timing import Job
from vitaccel_sim.bench.dma_jobs import CONTENT_BYTES, beats_of, random_content

PLAIN = Geometry(data_bits=64, word_bytes=8)


def jobs_in_content(geometry: Geometry, seed: int) -> list[Job]:
    return [job for job in jobs_of(geometry, seed)[:6] if job.address + 4096 < CONTENT_BYTES]


def words_of(job: Job, content: bytes, geometry: Geometry, bad: int | None = None) -> list[dict[str, object]]:
    """Return the words of a job; those that have a byte of the beat at *bad* have an error."""
    words = []
    for row in range(job.rows):
        start = job.address + row * job.stride_bytes
        for at in range(start, start + job.row_bytes, geometry.word_bytes):
            end = min(at + geometry.word_bytes, start + job.row_bytes)
            lanes = [*content[at:end], *[0] * (at + geometry.word_bytes - end)]
            ends_row = end == start + job.row_bytes
            last = int(ends_row and row == job.rows - 1)
            error = int(bad is not None and at < bad + geometry.beat_bytes and bad < end)
            words.append({"lanes": lanes, "last_of_row": int(ends_row), "last": last, "error": error})
    return words


def run(geometry: Geometry, jobs: list[Job], content: bytes, profile: Profile, seed: int, bad: int = -1) -> Sink:
    dut, size = BeatsToWords(geometry), geometry.beat_bytes
    beats = [
        {"lanes": list(content[at : at + size]), "error": int(at == bad)} for job in jobs for at in beats_of(job, size)
    ]
    plans = plans_of(jobs, geometry)
    sink = Sink(len(plans), profile)
    exchange(dut, [(dut.plan, Source(plans, profile)), (dut.i, Source(beats, profile))], [(dut.o, sink)], seed=seed)
    return sink


@pytest.mark.parametrize("profile", PROFILES[::3], ids=str)
@pytest.mark.parametrize("point", POINTS[1:6:2], ids=str)
def test_words_of_beats(point: dict[str, int], profile: Profile, seed: int) -> None:
    geometry, content = Geometry(**point), bytes(random_content(seed))
    jobs = jobs_in_content(geometry, seed)
    expected = [word for job in jobs for word in words_of(job, content, geometry)]
    assert run(geometry, jobs, content, profile, seed).words == expected


def test_an_error_comes_with_the_words_of_its_beat(seed: int) -> None:
    geometry, content = Geometry(data_bits=128, word_bytes=4), bytes(random_content(seed))
    job = Job(address=64, row_bytes=160)
    bad = random.Random(seed).choice(beats_of(job, 16))
    words = run(geometry, [job], content, FULL_SPEED, seed, bad).words
    first = words_of(job, content, geometry, bad)
    # The beat is fetched with the first of its words, which tells.
    told = next(place for place, word in enumerate(first) if word["error"])
    assert [place for place, word in enumerate(words) if word["error"]] == [told]


def test_its_latency_and_a_word_a_cycle(seed: int) -> None:
    sink = run(PLAIN, [Job(address=0, row_bytes=160)], bytes(random_content(seed)), FULL_SPEED, seed)
    first = dma_latency.beats_to_words(**PLAIN.sizes)
    assert sink.offered == list(range(first, first + 20))

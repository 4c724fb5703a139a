"""The cutter: bursts of every run, none over 4 KiB or too long, one a cycle, as the pure function says."""

from __future__ import annotations

import random

import pytest

from tests.rtl.dma_bench import POINTS, most_bytes
from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, run
from vitaccel_rtl.axi import PAGE_BYTES, Geometry
from vitaccel_rtl.bursts import BurstCutter
from vitaccel_rtl.dma_timing import Job, bursts_of_run
from vitaccel_sim.bench.dma_jobs import random_job


def bursts_of(job: Job, geometry: Geometry) -> list[dict[str, int]]:
    bursts = []
    for address, run_bytes in job.runs:
        at = address // geometry.beat_bytes * geometry.beat_bytes
        sizes = {"beat_bytes": geometry.beat_bytes, "burst_beats": geometry.longest_burst}
        for beats in bursts_of_run(address, run_bytes, **sizes):
            bursts.append({"address": at, "beats": beats, "last": 0})
            at += beats * geometry.beat_bytes
    bursts[-1]["last"] = 1
    return bursts


def jobs_of(geometry: Geometry, seed: int) -> list[Job]:
    rng = random.Random(seed)
    jobs = [random_job(rng, geometry, most_bytes(geometry)) for _ in range(8)]
    top = (1 << geometry.address_bits) - 2 * PAGE_BYTES
    stride_bytes = 7 * geometry.row_align_bytes
    return [
        *jobs,
        Job(address=top // geometry.row_align_bytes * geometry.row_align_bytes, row_bytes=PAGE_BYTES),
        Job(address=0, rows=9, row_bytes=3 * stride_bytes, stride_bytes=stride_bytes),
    ]


@pytest.mark.parametrize("profile", PROFILES[::3], ids=str)
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_bursts_of_every_run(point: dict[str, int], profile: Profile, seed: int) -> None:
    geometry = Geometry(**point)
    jobs = jobs_of(geometry, seed)
    expected = [burst for job in jobs for burst in bursts_of(job, geometry)]
    result = run(BurstCutter(geometry), [vars(job) for job in jobs], len(expected), profile, seed)
    assert result.words == expected
    for burst in result.words:
        assert 1 <= burst["beats"] <= geometry.longest_burst
        end = burst["address"] + burst["beats"] * geometry.beat_bytes - 1
        assert burst["address"] // PAGE_BYTES == end // PAGE_BYTES


def test_its_latency_and_a_burst_a_cycle(seed: int) -> None:
    geometry = Geometry(data_bits=64, word_bytes=8, burst_beats=2)
    jobs = [Job(address=0, rows=30, row_bytes=8, stride_bytes=64), Job(address=4096 - 64, row_bytes=160)]
    expected = [burst for job in jobs for burst in bursts_of(job, geometry)]
    cutter = BurstCutter(geometry)
    result = run(cutter, [vars(job) for job in jobs], len(expected), FULL_SPEED, seed)
    first = result.accepted[0] + cutter.latency_cycles
    assert result.offered == list(range(first, first + len(expected)))


def test_rows_times_bytes_uses_every_bit() -> None:
    """One run of rows that are as many and as long as the descriptor can say and the address space hold."""
    geometry = Geometry(data_bits=512, word_bytes=32, burst_beats=256, rows_bits=5, length_bits=18)
    job = Job(address=4096, rows=31, row_bytes=(1 << 18) - 32, stride_bytes=(1 << 18) - 32)
    expected = bursts_of(job, geometry)
    result = run(BurstCutter(geometry), [vars(job)], len(expected))
    assert result.words == expected
    assert sum(burst["beats"] for burst in result.words) == 31 * ((1 << 18) - 32) // 64 + 1

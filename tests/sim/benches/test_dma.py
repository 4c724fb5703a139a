"""Jobs of the DMA benches fit its memory at any geometry, and the last one touches beats of its own."""

from __future__ import annotations

import random

import pytest

from vitaccel.backends.rtl.blocks.dma import OPTIONS, geometry
from vitaccel_sim.bench.dma_jobs import CONTENT_BYTES, packed_job, row_addresses
from vitaccel_sim.benches.dma import BEGUN, bench_case, jobs_of, large_jobs, moved_up


def some_options(rng: random.Random) -> dict[str, int]:
    return {option.name: rng.choice(option.values or (option.least, option.default, option.most)) for option in OPTIONS}


@pytest.mark.parametrize("trial", range(40))
def test_jobs_fit_the_memory_at_any_geometry(trial: int, seed: int) -> None:
    shape = geometry(**some_options(random.Random(f"{seed} {trial}")))
    jobs = jobs_of(shape, seed)
    assert max(row_addresses(job)[-1] + job.row_bytes for job in jobs) <= CONTENT_BYTES
    case = bench_case(jobs, shape, writes=False, seed=seed)
    assert case["error_at"]
    assert set(case["error_at"]).isdisjoint(case["touched"])


@pytest.mark.parametrize("trial", range(10))
def test_jobs_move_up_to_the_same_place_in_the_memory(trial: int, seed: int) -> None:
    rng = random.Random(f"{seed} {trial}")
    shape = geometry(**some_options(rng))
    for job in jobs_of(shape, seed):
        moved = moved_up(job, shape, rng)
        assert (moved.address - job.address) % CONTENT_BYTES == 0
        assert moved.address % shape.row_align_bytes == 0
        assert row_addresses(moved)[-1] + moved.row_bytes <= 1 << shape.address_bits


@pytest.mark.parametrize("trial", range(10))
def test_large_jobs_fit_their_descriptors_and_the_address_space(trial: int, seed: int) -> None:
    rng = random.Random(f"{seed} {trial}")
    shape = geometry(**some_options(rng))
    jobs = [job for three in large_jobs(shape, rng) for job in three]
    assert max(job.rows for job in jobs) == (1 << shape.rows_bits) - 1
    assert max(job.stride_bytes for job in jobs) >> shape.length_bits - 1
    for job in jobs:
        packed_job(job, shape)
        assert job.address + job.rows * job.stride_bytes <= 1 << shape.address_bits
        assert job.address % shape.row_align_bytes == job.stride_bytes % shape.row_align_bytes == 0
        assert 1 <= job.row_bytes <= job.stride_bytes


@pytest.mark.parametrize("writes", [False, True])
def test_of_a_large_job_more_is_known_than_will_begin(writes: bool, seed: int) -> None:
    shape = geometry(**some_options(random.Random(seed)))
    for case in bench_case(jobs_of(shape, seed), shape, writes=writes, seed=seed)["large"]:
        assert len(case["words"] if writes else case["expected"]) <= BEGUN
        assert len(case["bursts"]) <= BEGUN
        assert case["bursts"]
        assert bool(case["pieces"]) <= writes

"""Jobs of the DMA benches fit its memory at any geometry, and the last one touches beats of its own."""

from __future__ import annotations

import random

import pytest

from vitaccel.backends.rtl.blocks.dma import OPTIONS, geometry
from vitaccel_sim.bench.dma_jobs import CONTENT_BYTES, row_addresses
from vitaccel_sim.benches.dma import bench_case, jobs_of


def some_options(rng: random.Random) -> dict[str, int]:
    return {option.name: rng.choice(option.values or (option.least, option.default, option.most)) for option in OPTIONS}


@pytest.mark.parametrize("trial", range(40))
def test_jobs_fit_the_memory_at_any_geometry(trial: int, seed: int) -> None:
    shape = geometry(**some_options(random.Random(f"{seed} {trial}")))
    jobs = jobs_of(shape, seed)
    assert max(row_addresses(job)[-1] + job.row_bytes for job in jobs) <= CONTENT_BYTES
    case = bench_case(jobs, shape, writes=False, seed=seed)
    assert case["error_at"] not in case["touched"]

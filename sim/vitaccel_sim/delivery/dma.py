"""The delivered bench of the DMA engines: jobs that are drawn, some at the ends of pages, and a memory."""

from __future__ import annotations

import random

from vitaccel.backends.rtl.blocks.dma import geometry
from vitaccel.backends.rtl.generate import Generated
from vitaccel_rtl.axi import PAGE_BYTES, Geometry
from vitaccel_rtl.dma_timing import Job
from vitaccel_sim.bench.dma import bench_case
from vitaccel_sim.bench.dma_jobs import random_job
from vitaccel_sim.delivery.bench import Bench

DMA_BENCH = "vitaccel_sim.bench.dma"

JOBS = 6
"""Jobs that are drawn."""

APART = 100_000
"""Address of the last job, whose beats no other touches."""


def dma_bench(generated: Generated, seed: int) -> Bench:
    """Return the bench of a DMA engine."""
    shape = geometry(**generated.options)
    writes = generated.block.name == "dma-write"
    return Bench(module=DMA_BENCH, parameters=bench_case(jobs_of(shape, seed), shape, writes=writes, seed=seed))


def jobs_of(shape: Geometry, seed: int) -> list[Job]:
    """Return drawn jobs, one that fills what may be in flight, one over a page's end, and one apart from them."""
    rng = random.Random(seed)
    align = shape.row_align_bytes
    burst = shape.longest_burst * shape.beat_bytes
    stride = -(-burst // align) * align
    rows = max(1, min(shape.outstanding + 2, (APART - 5 * PAGE_BYTES) // stride))
    return [
        *(random_job(rng, shape, 40 * shape.beat_bytes) for _ in range(JOBS)),
        Job(
            address=max(0, 3 * PAGE_BYTES - 2 * burst) // align * align, rows=rows, row_bytes=align, stride_bytes=stride
        ),
        Job(address=20 * align, row_bytes=PAGE_BYTES),
        Job(address=-(-APART // align) * align, row_bytes=200),
    ]

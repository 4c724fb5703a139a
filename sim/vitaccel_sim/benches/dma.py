"""DMA engines: jobs that are drawn, some at the ends of pages, a memory, and jobs as large as can be, which begin."""

from __future__ import annotations

import base64
import dataclasses
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from vitaccel_rtl.axi import PAGE_BYTES, Geometry
from vitaccel_rtl.dma_timing import Job
from vitaccel_sim.bench.dma_jobs import (
    CONTENT_BYTES,
    beats_of,
    bursts_of,
    bytes_written,
    content_written,
    large_job,
    limits_of,
    packed_job,
    random_content,
    random_job,
    word_count,
    words_read,
)
from vitaccel_sim.benches.block_bench import BlockBench

JOBS = 6
"""Jobs that are drawn."""

BEGUN = 150
"""Words and bursts of large jobs that are known: more than there are cycles until they are given up."""

APART = 100_003
"""Address of the last job, whose beats no other touches."""


def parameters(component: Any, _options: Mapping[str, int], seed: int) -> dict[str, Any]:
    """Return the parameters of the bench of an engine."""
    shape = component.geometry
    case = bench_case(jobs_of(shape, seed), shape, writes=hasattr(component, "m_axi_wdata"), seed=seed)
    engine = {**shape.sizes, "burst_beats": shape.longest_burst, "outstanding": shape.outstanding}
    buffer = {} if case["writes"] else {"buffer_beats": component.buffer_beats}
    return {**case, "engine": {**engine, **buffer}}


def bench_case(jobs: Sequence[Job], geometry: Geometry, *, writes: bool, seed: int) -> dict[str, Any]:
    """Return the parameters of this bench for an engine and its jobs; the last of them has an error.

    The memory wraps, so each job is moved up by some multiple of its size: the words are the same.
    """
    content, rng = random_content(seed), random.Random(seed)
    count = sum(word_count(job, geometry.word_bytes) for job in jobs) if writes else 0
    words = [rng.getrandbits(8 * geometry.word_bytes) for _ in range(count)]
    after = content_written(jobs, words, content, geometry.word_bytes) if writes else content
    moved = [moved_up(job, geometry, rng) for job in jobs]
    return {
        "limits": vars(limits_of(geometry)),
        "jobs": [dataclasses.asdict(job) for job in moved],
        "descriptors": [packed_job(job, geometry) for job in moved],
        "bursts": [(burst.address, burst.beats) for job in moved for burst in bursts_of(job, geometry)],
        "words": words,
        "content": _text(content),
        "after": _text(after),
        "expected": [] if writes else [word for job in jobs for word in words_read(job, content, geometry.word_bytes)],
        "error_at": beats_of(jobs[-1], geometry.beat_bytes),
        "touched": [beat for job in jobs[:-1] for beat in beats_of(job, geometry.beat_bytes)],
        "writes": writes,
        "large": [_large_case(jobs, geometry, content, rng, writes=writes) for jobs in large_jobs(geometry, rng)],
    }


def moved_up(job: Job, geometry: Geometry, rng: random.Random) -> Job:
    """Return a job at another address of the same place in the memory."""
    unit = math.lcm(CONTENT_BYTES, geometry.row_align_bytes)
    room = (1 << geometry.address_bits) - CONTENT_BYTES
    return dataclasses.replace(job, address=job.address + unit * rng.randint(0, room // unit))


def large_jobs(geometry: Geometry, rng: random.Random) -> Iterator[list[Job]]:
    """Yield jobs, three at a time, of which the first has the most rows there may be, or the longest, or many."""
    most = (1 << geometry.rows_bits) - 1
    for place, rows in enumerate((most, 1, most // 2 + 1, most >> 8, *(_some_rows(rng, geometry) for _ in range(20)))):
        counts = (rows, _some_rows(rng, geometry), _some_rows(rng, geometry))
        yield [large_job(rng, geometry, count, is_one_run=bool((place + n) % 2)) for n, count in enumerate(counts)]


def _some_rows(rng: random.Random, geometry: Geometry) -> int:
    return rng.getrandbits(rng.randint(1, geometry.rows_bits)) or 1


def _large_case(
    jobs: Sequence[Job], geometry: Geometry, content: bytes | bytearray, rng: random.Random, *, writes: bool
) -> dict[str, Any]:
    """Return what begins if these jobs are there: bursts, and words, or pieces of bytes that are written one by one."""
    words = [rng.getrandbits(8 * geometry.word_bytes) for _ in range(BEGUN if writes else 0)]
    bursts = list(islice(chain.from_iterable(bursts_of(job, geometry) for job in jobs), BEGUN))
    read = chain.from_iterable(words_read(job, content, geometry.word_bytes) for job in jobs)
    taken = iter(words)
    rows = (bytes_written(job, taken, geometry.word_bytes) for job in jobs)
    written = b"".join(chain.from_iterable(rows)) if writes else b""
    ends = [0]
    for burst in bursts:
        ends.append(ends[-1] + burst.count)
    pieces = zip(bursts, ends, ends[1:], strict=False)
    return {
        "descriptors": [packed_job(job, geometry) for job in jobs],
        "bursts": [(burst.address, burst.beats) for burst in bursts],
        "words": words,
        "expected": [] if writes else list(islice(read, BEGUN)),
        "pieces": [(burst.first, _text(written[start:end])) for burst, start, end in pieces if end <= len(written)],
    }


def _text(content: bytes | bytearray) -> str:
    return base64.b64encode(content).decode()


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


def _point(
    data_bits: int, word_bytes: int, burst_beats: int, outstanding: int, align_bytes: int = 0, address_bits: int = 32
) -> dict[str, int]:
    return {
        "data_bits": data_bits,
        "word_bytes": word_bytes,
        "burst_beats": burst_beats,
        "outstanding": outstanding,
        "align_bytes": align_bytes,
        "address_bits": address_bits,
    }


POINTS = (
    _point(64, 8, 16, 8, 1),
    _point(32, 4, 16, 8),
    _point(128, 12, 1, 1),
    _point(128, 5, 256, 8, 5),
    _point(512, 32, 256, 8, 1),
    _point(32, 32, 256, 2, 2),
    _point(64, 24, 1, 8, address_bits=40),
)
"""Buses narrower and wider than words, with places of a word in a beat from one to all."""

READ = BlockBench(block="dma-read", module="vitaccel_sim.bench.dma", points=POINTS, parameters=parameters)

WRITE = BlockBench(block="dma-write", module="vitaccel_sim.bench.dma", points=POINTS, parameters=parameters)

"""The write engine: rows of bytes in DRAM and nothing beside them, whatever the memory does; the rules of AXI."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.rtl.axi_memory import BEHAVIOURS, Behaviour
from tests.rtl.dma_bench import memory, random_job, row_addresses, run_dma
from tests.rtl.stream_bench import PROFILES
from tests.rtl.test_dma_read import MOST_BYTES, POINTS, TIMED, timing_parameters
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_timing import Job, WriteEngine
from vitaccel_rtl.dma_write import DmaWrite


def words_to_write(jobs: list[Job], word_bytes: int, seed: int) -> list[list[int]]:
    rng = random.Random(seed)
    count = sum(job.rows * -(-job.row_bytes // word_bytes) for job in jobs)
    return [list(rng.randbytes(word_bytes)) for _ in range(count)]


def written(jobs: list[Job], words: list[list[int]], content: bytearray) -> bytearray:
    """Return the content of a memory after all jobs."""
    content, rest = bytearray(content), iter(words)
    for job in jobs:
        for address in row_addresses(job):
            row = b""
            while len(row) < job.row_bytes:
                row += bytes(next(rest))
            content[address : address + job.row_bytes] = row[: job.row_bytes]
    return content


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=str)
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_the_memory_holds_the_rows_and_nothing_else_changed(
    point: dict[str, Any], behaviour: Behaviour, seed: int
) -> None:
    geometry, rng = Geometry(**point), random.Random(seed)
    jobs = [random_job(rng, geometry, MOST_BYTES[point["data_bits"]]) for _ in range(10)]
    words = words_to_write(jobs, geometry.word_bytes, seed)
    for profile in (PROFILES[0], PROFILES[3]):
        content = memory(seed)
        expected = written(jobs, words, content)
        dut = DmaWrite(**point)
        run = run_dma(dut, jobs, content, words=words, behaviour=behaviour, profile=profile, seed=seed)
        assert content == expected
        assert run.statuses == [0] * len(jobs)


@pytest.mark.parametrize("latency_cycles", [1, 7, 50])
@pytest.mark.parametrize("point", TIMED, ids=str)
def test_cycles_are_those_declared(point: dict[str, Any], latency_cycles: int, seed: int) -> None:
    rng, geometry = random.Random(seed), Geometry(**point)
    jobs = [random_job(rng, geometry, 1000) for _ in range(4)]
    words = words_to_write(jobs, geometry.word_bytes, seed)
    run = run_dma(DmaWrite(**point), jobs, memory(seed), words=words, behaviour=Behaviour(latency=latency_cycles))
    engine = WriteEngine(**timing_parameters(geometry), latency_cycles=latency_cycles)
    assert run.done == [engine.job(job, at) for job, at in zip(jobs, run.accepted, strict=True)]

"""The read engine: bytes of DRAM as words, whatever the memory does; the rules of AXI; cycles as declared."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.rtl.axi_memory import BEHAVIOURS, Behaviour
from tests.rtl.dma_bench import DmaRun, memory, random_job, row_addresses, run_dma
from tests.rtl.stream_bench import PROFILES
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_read import DmaRead
from vitaccel_rtl.dma_timing import Job, ReadEngine

POINTS: tuple[dict[str, Any], ...] = (
    {"data_bits": 32, "word_bytes": 4, "burst_beats": 16, "outstanding": 8},
    {"data_bits": 64, "word_bytes": 8, "burst_beats": 16, "outstanding": 8, "align_bytes": 1},
    {"data_bits": 128, "word_bytes": 12, "burst_beats": 1, "outstanding": 1},
    {"data_bits": 128, "word_bytes": 5, "burst_beats": 256, "outstanding": 8, "align_bytes": 5},
    {"data_bits": 512, "word_bytes": 32, "burst_beats": 256, "outstanding": 8, "align_bytes": 1},
    {"data_bits": 32, "word_bytes": 32, "burst_beats": 256, "outstanding": 2, "align_bytes": 2},
    {"data_bits": 64, "word_bytes": 24, "burst_beats": 1, "outstanding": 8, "address_bits": 40},
)
MOST_BYTES = {32: 300, 64: 600, 128: 1500, 512: 6000}


def words_of(job: Job, content: bytearray, word_bytes: int) -> list[dict[str, Any]]:
    words = []
    for row, address in enumerate(row_addresses(job)):
        for at in range(0, job.row_bytes, word_bytes):
            lanes = list(content[address + at : address + min(job.row_bytes, at + word_bytes)])
            ends = at + word_bytes >= job.row_bytes
            lanes += [0] * (word_bytes - len(lanes))
            words.append({"lanes": lanes, "last_of_row": int(ends), "last": int(ends and row == job.rows - 1)})
    return words


def check(run: DmaRun, jobs: list[Job], content: bytearray, word_bytes: int) -> None:
    assert run.words == [word for job in jobs for word in words_of(job, content, word_bytes)]


@pytest.mark.parametrize("behaviour", BEHAVIOURS[:4], ids=str)
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_words_whatever_the_memory_does(point: dict[str, Any], behaviour: Behaviour, seed: int) -> None:
    rng = random.Random(seed)
    geometry = Geometry(**point)
    content = memory(seed)
    jobs = [random_job(rng, geometry, MOST_BYTES[point["data_bits"]]) for _ in range(10)]
    for profile in (PROFILES[0], PROFILES[3]):
        run = run_dma(DmaRead(**point), jobs, content, behaviour=behaviour, profile=profile, seed=seed)
        check(run, jobs, content, geometry.word_bytes)
        assert run.statuses == [0] * len(jobs)


TIMED = (
    {"data_bits": 64, "word_bytes": 8, "burst_beats": 16, "outstanding": 4},
    {"data_bits": 64, "word_bytes": 8, "burst_beats": 16, "outstanding": 2, "align_bytes": 1},
    {"data_bits": 128, "word_bytes": 5, "burst_beats": 4, "outstanding": 1, "align_bytes": 5},
    {"data_bits": 32, "word_bytes": 12, "burst_beats": 1, "outstanding": 8},
    {"data_bits": 128, "word_bytes": 16, "burst_beats": 256, "outstanding": 2},
)


@pytest.mark.parametrize("latency_cycles", [1, 7, 50])
@pytest.mark.parametrize("point", TIMED, ids=str)
def test_cycles_are_those_declared(point: dict[str, Any], latency_cycles: int, seed: int) -> None:
    rng, geometry = random.Random(seed), Geometry(**point)
    jobs = [random_job(rng, geometry, 1000) for _ in range(4)]
    run = run_dma(DmaRead(**point), jobs, memory(seed), behaviour=Behaviour(latency=latency_cycles))
    engine = ReadEngine(**timing_parameters(geometry), latency_cycles=latency_cycles)
    assert run.done == [engine.job(job, at) for job, at in zip(jobs, run.accepted, strict=True)]


def timing_parameters(geometry: Geometry) -> dict[str, int]:
    return {**geometry.sizes, "burst_beats": geometry.longest_burst, "outstanding": geometry.outstanding}

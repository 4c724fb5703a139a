"""Engines whose words wait: where none does, the cycles of the engines that know of no waiting."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.rtl.dma_bench import TIMED, most_bytes, timing_parameters
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.stalled_dma import Packer, StalledReader, StalledWriter
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_timing import ReadEngine, WriteEngine
from vitaccel_sim.bench.dma_jobs import random_job, word_count


@pytest.mark.parametrize("latency_cycles", [1, 50])
@pytest.mark.parametrize("point", TIMED, ids=str)
def test_words_that_are_taken_and_there_at_once(point: dict[str, Any], latency_cycles: int, seed: int) -> None:
    geometry, rng = Geometry(**point), random.Random(seed)
    sizes = timing_parameters(geometry) | {"latency_cycles": latency_cycles}
    beats = geometry.outstanding * geometry.longest_burst
    engine, stalled = (kind(**sizes, buffer_beats=max(3, beats)) for kind in (ReadEngine, StalledReader))
    write_engine, stalled_writer = WriteEngine(**sizes), StalledWriter(**sizes)
    at = 0
    for _ in range(8):
        job = random_job(rng, geometry, most_bytes(geometry))
        stalled.begin(job, at)
        stalled_writer.begin(job, at)
        for _ in range(word_count(job, geometry.word_bytes)):
            taken = stalled.offer()
            stalled.take(taken)
            stalled_writer.word(0)
        told = engine.job(job, at)
        assert taken + latency.SKID_BUFFER == told
        assert stalled_writer.end() == write_engine.job(job, at)
        at = told + rng.randrange(100)


def test_a_beat_waits_for_the_places_behind_the_window() -> None:
    packer = Packer(beat_bytes=8, word_bytes=8, align_bytes=8)
    offered = []
    for sent in (100, 200, 300, 400):
        _, joined = packer.word(0)
        offered.append(packer.beat(joined))
        packer.send(sent)
    # One at the output and one in the place behind it: the third leaves the window when the first was sent.
    assert offered[1:] == [101, 201, 301]
    # The fourth word stood at the end of the stages until the third beat left, and let nobody in meanwhile.
    taken, _ = packer.word(0)
    assert taken == 101

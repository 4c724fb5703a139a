"""The runs of descriptors: rows, or one run of rows without a gap, their bytes multiplied to the last bit."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from tests.rtl.dma_bench import POINTS
from tests.rtl.stream_bench import PROFILES, Profile, run
from tests.rtl.test_bursts import jobs_of
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_job import descriptor_layout
from vitaccel_rtl.dma_timing import Job
from vitaccel_rtl.runs import Extent, Runs, run_bits, run_layout


class RunsOfJobs(wiring.Component):
    """Both stages."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        i, o = (stream.Signature(layout(geometry)) for layout in (descriptor_layout, run_layout))
        super().__init__({"i": In(i), "o": Out(o)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.extent = extent = Extent(self._geometry)
        m.submodules.runs = runs = Runs(self._geometry)
        wiring.connect(m, wiring.flipped(self.i), extent.i)
        wiring.connect(m, extent.o, runs.i)
        wiring.connect(m, runs.o, wiring.flipped(self.o))
        return m


def runs_of(jobs: list[Job]) -> list[dict[str, int]]:
    found = []
    for job in jobs:
        runs = list(job.runs)
        found += [
            {"address": address, "bytes": count, "last": int(place == len(runs) - 1)}
            for place, (address, count) in enumerate(runs)
        ]
    return found


@pytest.mark.parametrize("profile", PROFILES[::2], ids=str)
@pytest.mark.parametrize("point", POINTS[::3], ids=str)
def test_runs_of_descriptors(point: dict[str, int], profile: Profile, seed: int) -> None:
    geometry = Geometry(**point)
    jobs = jobs_of(geometry, seed)
    expected = runs_of(jobs)
    assert run(RunsOfJobs(geometry), [vars(job) for job in jobs], len(expected), profile, seed).words == expected


@pytest.mark.parametrize("length_bits", [13, 17, 18, 24])
def test_rows_times_bytes_to_the_last_bit(length_bits: int) -> None:
    """Lengths of one factor and of two, with every bit set."""
    geometry = Geometry(data_bits=64, word_bytes=8, align_bytes=1, rows_bits=8, length_bits=length_bits)
    most = (1 << length_bits) - 1
    job = Job(address=0, rows=255, row_bytes=most, stride_bytes=most)
    (only,) = run(RunsOfJobs(geometry), [vars(job)], 1).words
    assert only == {"address": 0, "bytes": 255 * most, "last": 1}
    assert run_bits(geometry) == min(32, 8 + length_bits)

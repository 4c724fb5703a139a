"""The DMA engines in Verilator, by cocotb: full coverage of the bench, and a broken engine is told."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest

from tests.rtl.dma_bench import POINTS, most_bytes
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_read import DmaRead
from vitaccel_rtl.dma_timing import Job
from vitaccel_rtl.dma_write import DmaWrite
from vitaccel_sim.bench.coverage import Coverage
from vitaccel_sim.bench.dma import BINS, bench_case
from vitaccel_sim.bench.dma_jobs import random_job
from vitaccel_sim.cocotb_runner import run_bench

BENCH = "vitaccel_sim.bench.dma"
FIRST = "jobs_under_every_behaviour_and_profile"
ENGINES = {"read": DmaRead, "write": DmaWrite}


def jobs_of(geometry: Geometry, seed: int) -> list[Job]:
    """Return drawn jobs, one over a page's end that fills what may be in flight, and one apart from them."""
    rng = random.Random(seed)
    jobs = [random_job(rng, geometry, most_bytes(geometry)) for _ in range(6)]
    burst = geometry.longest_burst * geometry.beat_bytes
    near = (3 * 4096 - 2 * burst) // geometry.row_align_bytes * geometry.row_align_bytes
    gap = -(-burst // geometry.row_align_bytes) * geometry.row_align_bytes
    long = Job(
        address=max(0, near), rows=geometry.outstanding + 2, row_bytes=geometry.row_align_bytes, stride_bytes=gap
    )
    apart = Job(address=100_000 // geometry.row_align_bytes * geometry.row_align_bytes, row_bytes=200)
    over = Job(address=20 * geometry.row_align_bytes, row_bytes=4096)
    return [*jobs, long, over, apart]


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("point", POINTS[1:5:3], ids=str)
def test_an_engine_passes_with_every_bin_hit(point: dict[str, int], kind: str, seed: int) -> None:
    geometry = Geometry(**point)
    case = bench_case(jobs_of(geometry, seed), geometry, writes=kind == "write", seed=seed)
    result = run_bench(ENGINES[kind](**point), BENCH, seed=seed, parameters=case, name=f"dma_{kind}")
    result.check()
    assert len(result.passed) == 3
    coverage = Coverage(BINS)
    coverage.add(result.coverage)
    assert coverage.missed == ()


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("read", "word", "words must be those of the memory"),
        ("read", "longest_burst", "AR: a burst must have at most 4 beats, not"),
        ("write", "byte", "the memory must be as expected"),
        ("write", "outstanding", "AW: at most 4 bursts may be in flight, not 5"),
    ],
)
def test_what_is_not_as_expected_is_told(kind: str, change: str, message: str, seed: int) -> None:
    geometry = Geometry(**POINTS[1])
    case: dict[str, Any] = bench_case(jobs_of(geometry, seed), geometry, writes=kind == "write", seed=seed)
    if change == "word":
        case["expected"][-1] ^= 1
    elif change == "byte":
        after = bytearray(base64.b64decode(case["after"]))
        after[seed % len(after)] ^= 1
        case["after"] = base64.b64encode(after).decode()
    else:
        case["limits"] = {**case["limits"], change: 4}
    engine = ENGINES[kind](**POINTS[1])
    result = run_bench(engine, BENCH, seed=seed, parameters=case, name=f"dma_{kind}", testcase=FIRST)
    assert message in result.failed[FIRST]

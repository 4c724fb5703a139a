"""Jobs of the delivered DMA bench fit its memory at any geometry, and the last one touches beats of its own."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vitaccel.backends.rtl.blocks.dma import OPTIONS, geometry
from vitaccel_sim.bench.dma import bench_case
from vitaccel_sim.bench.dma_jobs import CONTENT_BYTES, row_addresses
from vitaccel_sim.delivery.dma import jobs_of
from vitaccel_sim.delivery.run import main


def some_options(rng: random.Random) -> dict[str, int]:
    return {option.name: rng.choice(option.values or (option.least, option.default, option.most)) for option in OPTIONS}


@pytest.mark.parametrize("trial", range(40))
def test_jobs_fit_the_memory_at_any_geometry(trial: int, seed: int) -> None:
    shape = geometry(**some_options(random.Random(f"{seed} {trial}")))
    jobs = jobs_of(shape, seed)
    assert max(row_addresses(job)[-1] + job.row_bytes for job in jobs) <= CONTENT_BYTES
    case = bench_case(jobs, shape, writes=False, seed=seed)
    assert case["error_at"] not in case["touched"]  # type: ignore[operator]


@pytest.mark.parametrize("block", ["dma-read", "dma-write"])
def test_the_delivered_bench_runs(
    delivered: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: str
) -> None:
    delivery = delivered(block, data_bits=64, burst_beats=16)
    monkeypatch.chdir(tmp_path)
    for simulator in ("verilator", "icarus") if shutil.which("iverilog") else ("verilator",):
        arguments = [delivery.generated.name, "--test", "an_error_is_told_of_its_job", "--simulator", simulator]
        assert main(arguments) == 0

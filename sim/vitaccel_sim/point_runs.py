"""Blocks with a bench of their own: a build and a simulation for each parameter point, and their results as one."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vitaccel.backends.rtl.catalog import block
from vitaccel_sim.bench.coverage import Coverage
from vitaccel_sim.benches.catalog import BENCHES
from vitaccel_sim.block_run import BlockRun
from vitaccel_sim.cocotb_runner import BenchResult, run_bench
from vitaccel_sim.code_coverage import read_code_coverage


def parameters_of(name: str, place: int, seed: int) -> dict[str, Any]:
    """Return what the bench of a block is told of one of its points."""
    options = BENCHES[name].points[place]
    component = block(name).component(**options)
    return dict(BENCHES[name].parameters(component, block(name).choose(options), seed))


def run_point(
    name: str, place: int, *, seed: int, parameters: Mapping[str, Any] | None = None, **options: Any
) -> BenchResult:
    """Run the bench of a block at one of its points.

    Parameters
    ----------
    name
        Of the block.
    place
        Of the point.
    seed
        Of words and profiles.
    parameters
        Instead of those that the seed makes.
    options
        Of :func:`vitaccel_sim.cocotb_runner.run_bench`.
    """
    bench = BENCHES[name]
    told = parameters_of(name, place, seed) if parameters is None else parameters
    component = block(name).component(**bench.points[place])
    top = f"{name.replace('-', '_')}_p{place}"
    return run_bench(component, bench.module, seed=seed, parameters=told, name=top, **options)


def run_points(
    name: str, points: Sequence[int], *, seed: int, simulator: str, waveform: Path | None = None,
    code_coverage: bool = False, testcase: str | None = None,
) -> BlockRun:  # fmt: skip
    """Run the bench of a block at some of its points; parameters as :func:`vitaccel_sim.regression.run_block` has them.

    Bins are met if one point meets them. Of several waveforms each has its point in its name.
    """
    results = {}
    for place in points:
        file = waveform and (waveform if len(points) == 1 else waveform.with_stem(f"{waveform.stem}_p{place}"))
        results[place] = run_point(
            name, place, seed=seed, simulator=simulator, waveform=file, code_coverage=code_coverage, testcase=testcase
        )
    coverage = Coverage(importlib.import_module(BENCHES[name].module).BINS)
    for result in results.values():
        coverage.add(result.coverage)
    failed = tuple(place for place, result in results.items() if result.failed)
    return BlockRun(
        name=name,
        simulator=simulator,
        points=tuple(points),
        repeated=failed or tuple(points),
        is_whole=len(points) == len(BENCHES[name].points),
        result=_joined(results),
        coverage=coverage,
        code=read_code_coverage("".join(result.code for result in results.values())) if code_coverage else None,
    )


def _joined(results: Mapping[int, BenchResult]) -> BenchResult:
    """Return results as one, each test with its point."""
    first = next(iter(results.values()))
    return BenchResult(
        passed=tuple(f"p{place} {test}" for place, result in results.items() for test in result.passed),
        failed={f"p{place} {test}": said for place, result in results.items() for test, said in result.failed.items()},
        seed=first.seed,
        waveform=first.waveform,
        coverage={},
    )

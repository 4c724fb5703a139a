"""The cocotb regression: a stream block at all its parameter points in one simulation, others at one after another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from amaranth.lib import wiring

from vitaccel.backends.rtl.catalog import block
from vitaccel_rtl.verilog import Verilog, to_verilog
from vitaccel_sim.bench import equality
from vitaccel_sim.bench.coverage import Coverage
from vitaccel_sim.bench.group import Group
from vitaccel_sim.bench.part import Parameters, cases_of, part
from vitaccel_sim.benches.catalog import BENCHES
from vitaccel_sim.block_run import BlockRun
from vitaccel_sim.cocotb_runner import run_bench
from vitaccel_sim.code_coverage import read_code_coverage
from vitaccel_sim.point_runs import run_points
from vitaccel_sim.traffic.case import Traffic
from vitaccel_sim.traffic.catalog import TRAFFIC

BENCH = "vitaccel_sim.bench.equality"

COVERED_POINTS = 2
"""Points of a block that code coverage looks at, the first ones: counting every bit makes builds slow."""


Components = dict[int, wiring.Component]
"""Of a block, by the place of their parameter point."""


def design(name: str, components: Components) -> Verilog:
    """Return the Verilog of a block's components, side by side."""
    return to_verilog(
        Group({f"p{place}": component for place, component in components.items()}),
        name=f"{name.replace('-', '_')}_points",
    )


def parameters(traffic: Traffic, components: Components, seed: int) -> tuple[list[Parameters], Counter[str]]:
    """Return what the bench is told of the points, and how often its words meet the traffic's bins."""
    told, hits = [], Counter[str]()
    for place, component in components.items():
        point = traffic.points[place]
        cases = cases_of(traffic, point, seed)
        told.append(part(component, name=f"p{place}", setup=traffic.setup(point), **cases))
        hits += sum((case.hits for case in cases.values()), Counter[str]())
    return told, hits


def points_of(name: str) -> tuple[int, ...]:
    """Return the places of a block's parameter points."""
    return tuple(range(len((TRAFFIC.get(name) or BENCHES[name]).points)))


def run_block(
    name: str,
    *,
    seed: int,
    simulator: str = "verilator",
    points: Sequence[int] = (),
    waveform: Path | None = None,
    code_coverage: bool = False,
    testcase: str | None = None,
) -> BlockRun:
    """Run the bench of a block.

    Parameters
    ----------
    name
        Of the block.
    seed
        Of words and profiles.
    simulator
        ``verilator`` or ``icarus``.
    points
        Places of parameter points; all when left out.
    waveform
        Where to write a waveform.
    code_coverage
        Whether to count lines and toggles too, in runs of the first points.
    testcase
        One test of the bench; all when left out.

    Raises
    ------
    ValueError
        If the block has no such point.
    """
    there = points_of(name)
    chosen = tuple(points) or there
    for place in chosen:
        if place not in there:
            raise ValueError(f"a point of block {name} must be from 0 to {there[-1]}, not {place}")
    run = run_points if name in BENCHES else run_stream
    told = run(name, chosen, seed=seed, simulator=simulator, waveform=waveform, testcase=testcase)
    if not code_coverage:
        return told
    counted = run(name, chosen[:COVERED_POINTS], seed=seed, simulator=simulator, code_coverage=True, testcase=testcase)
    return counted if counted.result.failed else replace(told, code=counted.code)


def run_stream(
    name: str, points: Sequence[int], *, seed: int, simulator: str, waveform: Path | None = None,
    code_coverage: bool = False, testcase: str | None = None,
) -> BlockRun:  # fmt: skip
    """Run the bench of a stream block at some of its points, side by side; parameters as for :func:`run_block`."""
    traffic = TRAFFIC[name]
    components = {place: block(name).component(**traffic.points[place]) for place in points}
    told, hits = parameters(traffic, components, seed)
    result = run_bench(
        design(name, components), BENCH, seed=seed, parameters={"parts": told}, simulator=simulator,
        waveform=waveform, code_coverage=code_coverage, testcase=testcase,
    )  # fmt: skip
    is_whole = len(points) == len(traffic.points)
    coverage = Coverage((*equality.BINS, *traffic.bins) if is_whole else equality.BINS)
    coverage.add(result.coverage)
    if not result.failed and is_whole:
        coverage.add({bin_: count for bin_, count in hits.items() if count})
    return BlockRun(
        name=name,
        simulator=simulator,
        points=tuple(points),
        repeated=tuple(points),
        is_whole=is_whole,
        result=result,
        coverage=coverage,
        code=read_code_coverage(result.code) if code_coverage else None,
    )

"""The cocotb regression of the stream blocks: every block at all its parameter points in one simulation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from amaranth.lib import wiring

from vitaccel.backends.rtl.catalog import block
from vitaccel_rtl.verilog import Verilog, to_verilog
from vitaccel_sim.bench import equality
from vitaccel_sim.bench.coverage import Coverage
from vitaccel_sim.bench.group import Group
from vitaccel_sim.bench.part import Parameters, cases_of, part
from vitaccel_sim.cocotb_runner import BenchResult, run_bench
from vitaccel_sim.code_coverage import CodeCoverage, read_code_coverage
from vitaccel_sim.traffic.case import Traffic
from vitaccel_sim.traffic.catalog import TRAFFIC

BENCH = "vitaccel_sim.bench.equality"

COVERED_POINTS = 2
"""Points of a block that code coverage looks at, the first ones: counting every bit makes builds slow."""


@dataclass(frozen=True, kw_only=True)
class BlockRun:
    """What became of a block in one simulator.

    Parameters
    ----------
    name
        Of the block.
    simulator
        That it ran in.
    points
        Parameter points that ran.
    result
        Tests, seed and messages.
    coverage
        Functional bins: those of the bench, and those of the block's traffic if every test passed.
    code
        Lines and toggles, if they were asked for.
    """

    name: str
    simulator: str
    points: tuple[int, ...]
    result: BenchResult
    coverage: Coverage = field(compare=False)
    code: CodeCoverage | None = None

    @property
    def reproduce(self) -> str:
        """The command that repeats this run and writes its waveform."""
        points = "" if len(self.points) == len(TRAFFIC[self.name].points) else f" --point {self.points[0]}"
        suffix = {"verilator": "vcd", "icarus": "fst"}[self.simulator]
        return (
            f"python -m vitaccel_sim {self.name}{points} --simulator {self.simulator}"
            f" --seed {self.result.seed} --waves build/{self.name}.{suffix}"
        )

    def check(self) -> None:
        """Raise an AssertionError that says what failed and how to repeat it, unless all passed and hit every bin."""
        try:
            self.result.check()
        except AssertionError as error:
            raise AssertionError(f"{self.name} in {self.simulator}: {error}; repeat with: {self.reproduce}") from None
        if self.coverage.missed:
            missed = ", ".join(self.coverage.missed)
            raise AssertionError(f"{self.name}: bins without a hit: {missed}; repeat with: {self.reproduce}")


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


def run_block(
    name: str,
    *,
    seed: int,
    simulator: str = "verilator",
    point: int | None = None,
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
    point
        One parameter point; all when left out.
    waveform
        Where to write a waveform.
    code_coverage
        Whether to count lines and toggles, at the first points.
    testcase
        One test of the bench; all when left out.
    """
    traffic = TRAFFIC[name]
    points = tuple(range(len(traffic.points))) if point is None else (point,)
    points = points[:COVERED_POINTS] if code_coverage else points
    components = {place: block(name).component(**traffic.points[place]) for place in points}
    told, hits = parameters(traffic, components, seed)
    result = run_bench(
        design(name, components), BENCH, seed=seed, parameters={"parts": told}, simulator=simulator,
        waveform=waveform, code_coverage=code_coverage, testcase=testcase,
    )  # fmt: skip
    coverage = Coverage((*equality.BINS, *traffic.bins) if len(points) == len(traffic.points) else equality.BINS)
    coverage.add(result.coverage)
    if not result.failed and len(points) == len(traffic.points):
        coverage.add({bin_: count for bin_, count in hits.items() if count})
    code = read_code_coverage(result.code) if code_coverage else None
    return BlockRun(name=name, simulator=simulator, points=points, result=result, coverage=coverage, code=code)

"""Run the cocotb benches of blocks: ``python -m vitaccel_sim softmax-statistics --seed 7 --waves build/waves.vcd``.

Without names all blocks run. The exit code is 1 if one fails, 2 if what is asked for is not there.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import click

from vitaccel.backends.rtl.catalog import BLOCKS
from vitaccel_sim.block_run import BlockRun
from vitaccel_sim.cocotb_runner import SIMULATORS
from vitaccel_sim.gaps import gap_explanations, gaps_of
from vitaccel_sim.regression import points_of, run_block


def head(*, code_coverage: bool) -> str:
    """Return the titles of :func:`line`."""
    told = f"{'block':21}{'simulator':>9}{'points':>8}{'tests':>8}{'bins':>12}"
    return told + f"{'lines':>9}{'toggles':>9}{'gaps':>7}{'explained':>11}" if code_coverage else told


def line(run: BlockRun) -> str:
    """Return how a block ended, in one line."""
    passed = "FAILED" if run.result.failed else f"{len(run.result.passed)}"
    bins = len(run.coverage.declared)
    told = f"{run.name:21}{run.simulator:>9}{len(run.points):8}{passed:>8}"
    told += f"{f'{bins - len(run.coverage.missed)} of {bins}':>12}"
    if run.code is not None:
        gaps = gaps_of(run.name, run.code, gap_explanations())
        told += f"{share(run.code.line_share):>9}{share(run.code.toggle_share):>9}"
        told += f"{gaps.count:7}{gaps.explained.total():11}"
    return told


def share(value: float) -> str:
    """Return a share in percent, rounded down: 100 % is all."""
    return f"{math.floor(1000 * value) / 10:.1f}%"


def gap_lines(run: BlockRun) -> Iterator[str]:
    """Yield what is left of a block's gaps, and how many the list explains for which reason."""
    if run.code is None:
        return
    gaps = gaps_of(run.name, run.code, gap_explanations())
    yield from (f"  {gap}" for gap in gaps.left)
    yield from (f"  {count} explained: {reason}" for reason, count in gaps.explained.items())


def record(run: BlockRun) -> dict[str, object]:
    """Return a run as JSON types."""
    code = run.code
    gaps = code and gaps_of(run.name, code, gap_explanations())
    return {
        "block": run.name,
        "simulator": run.simulator,
        "points": list(run.points),
        "seed": run.result.seed,
        "passed": list(run.result.passed),
        "failed": run.result.failed,
        "bins": run.coverage.hits,
        "line_share": code and code.line_share,
        "toggle_share": code and code.toggle_share,
        "gaps": list(gaps.left) if gaps else [],
        "explained": dict(gaps.explained) if gaps else {},
    }


@click.command()
@click.argument("names", nargs=-1)
@click.option("--simulator", type=click.Choice(list(SIMULATORS)), default="verilator", help="Which simulator.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of words and profiles.")
@click.option("--point", "points", type=int, multiple=True, help="A parameter point, from 0; all when left out.")
@click.option("--test", "testcase", help="One test of the bench; all when left out.")
@click.option("--waves", type=click.Path(path_type=Path), help="Write a waveform (of one block).")
@click.option("--code-coverage", is_flag=True, help="Count lines and toggles too, at the first points.")
@click.option("--gaps", is_flag=True, help="List lines and bits that were not covered, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a block.")
def main(
    names: tuple[str, ...],
    simulator: str,
    seed: int,
    points: tuple[int, ...],
    testcase: str | None,
    waves: Path | None,
    code_coverage: bool,
    gaps: bool,
    as_json: bool,
) -> None:
    """Run the cocotb benches of blocks (all, or those named)."""
    unknown = [name for name in names if name not in BLOCKS]
    if unknown:
        raise click.UsageError(f"a block must be one of {', '.join(BLOCKS)}, not {unknown[0]}")
    chosen = names or tuple(BLOCKS)
    if waves is not None and len(chosen) != 1:
        raise click.UsageError("--waves must come with one block")
    if code_coverage and simulator != "verilator":
        raise click.UsageError(f"--code-coverage must be asked of verilator, not of {simulator}")
    if simulator == "icarus" and shutil.which("iverilog") is None:
        raise click.UsageError("icarus must be installed, and iverilog is not found: vitaccel doctor")
    for name, point in ((name, point) for name in chosen for point in points):
        if point not in points_of(name):
            raise click.UsageError(f"a point of block {name} must be from 0 to {points_of(name)[-1]}, not {point}")
    failed = False
    if not as_json:
        click.echo(head(code_coverage=code_coverage))
    for name in chosen:
        # What runs are told as they begin is no part of the table.
        with redirect_stdout(sys.stderr):
            run = run_block(
                name, seed=seed, simulator=simulator, points=points, waveform=waves, code_coverage=code_coverage,
                testcase=testcase,
            )  # fmt: skip
        click.echo(json.dumps(record(run)) if as_json else line(run))
        for test, message in run.result.failed.items():
            click.echo(f"  {test}: {message}\n  repeat with: {run.reproduce}", err=True)
        for gap in gap_lines(run) if gaps and not as_json else ():
            click.echo(gap)
        failed |= bool(run.result.failed)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

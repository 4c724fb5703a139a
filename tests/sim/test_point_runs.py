"""Points of one block as one result: names of tests with their points, bins of all, what to repeat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from vitaccel_sim import point_runs
from vitaccel_sim.bench.router import BINS
from vitaccel_sim.cocotb_runner import BenchResult
from vitaccel_sim.point_runs import run_points


@pytest.fixture
def waveforms(monkeypatch: pytest.MonkeyPatch) -> list[Path | None]:
    """Replace runs: point 1 has a test that fails, and each point hits every other bin; return their waveforms."""
    asked: list[Path | None] = []

    def run_point(_: str, place: int, *, seed: int, waveform: Path | None, **_options: Any) -> BenchResult:
        asked.append(waveform)
        failed = {"late": "a word is late"} if place == 1 else {}
        hits = dict.fromkeys(BINS[place % 2 :: 2], 1)
        return BenchResult(passed=("early",), failed=failed, seed=seed, waveform=waveform, coverage=hits)

    monkeypatch.setattr(point_runs, "run_point", run_point)
    return asked


def run(points: Sequence[int], **options: Any) -> point_runs.BlockRun:
    return run_points("router", points, seed=7, simulator="verilator", **options)


@pytest.mark.usefixtures("waveforms")
def test_one_point_is_repeated_where_a_test_failed() -> None:
    joined = run((0, 1, 2))
    assert joined.result.passed == ("p0 early", "p1 early", "p2 early")
    assert joined.result.failed == {"p1 late": "a word is late"}
    assert joined.coverage.missed == ()
    assert joined.reproduce == (
        "python -m vitaccel_sim router --point 1 --simulator verilator --seed 7 --waves build/router.vcd"
    )
    with pytest.raises(
        AssertionError, match=r"^router in verilator: with seed 7: p1 late: a word is late; repeat with: "
    ):
        joined.check(needs_bins=False)


@pytest.mark.usefixtures("waveforms")
def test_a_bin_that_no_point_hits_is_told() -> None:
    joined = run((0, 2))
    assert joined.coverage.missed == BINS[1::2]
    with pytest.raises(AssertionError, match=f"^router: bins without a hit: .*{BINS[1]}.* --point 0 --point 2 "):
        joined.check()
    joined.check(needs_bins=False)


def test_every_point_has_a_waveform_of_its_own(waveforms: list[Path | None]) -> None:
    run((0, 2), waveform=Path("a/router.vcd"))
    run((2,), waveform=Path("a/router.vcd"))
    assert waveforms == [Path("a/router_p0.vcd"), Path("a/router_p2.vcd"), Path("a/router.vcd")]

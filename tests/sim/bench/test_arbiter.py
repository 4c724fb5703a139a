"""The bench of arbiters: arbiters pass with full coverage; unfair ones and torn rows are told."""

from __future__ import annotations

from typing import Any

import pytest

from vitaccel_rtl import arbiter
from vitaccel_rtl.arbiter import Arbiter
from vitaccel_sim.bench.arbiter import WORD, declared
from vitaccel_sim.cocotb_runner import BenchResult, run_bench

BENCH = "vitaccel_sim.bench.arbiter"
POINTS = (
    {"sources": 3, "policy": "round-robin", "keep_until_last": False},
    {"sources": 5, "policy": "round-robin", "keep_until_last": True},
    {"sources": 2, "policy": "fixed", "keep_until_last": True},
)
PROFILES = "words_and_waits_under_every_pair_of_profiles"


def bench(point: dict[str, Any], seed: int, **options: Any) -> BenchResult:
    return run_bench(Arbiter(WORD, **point), BENCH, seed=seed, parameters=point, name="arbiter", **options)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point['sources']} {point['policy']}")
def test_an_arbiter_passes_and_every_bin_is_hit(point: dict[str, Any], seed: int) -> None:
    result = bench(point, seed)
    result.check()
    assert len(result.passed) == 4
    coverage = declared()
    coverage.add(result.coverage)
    assert coverage.missed == ()


def test_an_unfair_arbiter_is_told(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    fair = arbiter.grant
    monkeypatch.setattr(arbiter, "grant", lambda *a, **k: fair(*a, **{**k, "policy": "fixed"}))
    result = bench(POINTS[0], seed, testcase=PROFILES)
    assert "others, and not 2 at most" in next(iter(result.failed.values()))


def test_a_torn_row_is_told(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(Arbiter, "_keep", lambda *keep: keep[-1])
    result = bench(POINTS[1], seed, testcase=PROFILES)
    assert "is not whole" in next(iter(result.failed.values()))

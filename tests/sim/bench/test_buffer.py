"""The bench of banked buffers: buffers pass with full coverage; a defect of words or of cycles is told."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from vitaccel_rtl import buffer
from vitaccel_sim.bench.buffer import declared
from vitaccel_sim.bench.buffer_model import Point
from vitaccel_sim.cocotb_runner import BenchResult, run_bench

BENCH = "vitaccel_sim.bench.buffer"
POINTS = (
    Point(),
    Point(words=40, banks=2, readers=2, width=24, lane_writes=3, policy="round-robin", tag_bits=0, outstanding=6),
)


def bench(point: Point, seed: int, **options: Any) -> BenchResult:
    return run_bench(point.build(), BENCH, seed=seed, parameters=asdict(point), name="buffer", **options)


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_a_buffer_passes_and_every_bin_is_hit(point: Point, seed: int) -> None:
    result = bench(point, seed)
    result.check()
    assert len(result.passed) == 6
    coverage = declared()
    coverage.add(result.coverage)
    assert coverage.missed == ()


def test_other_turns_are_told(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    right = buffer.grant
    monkeypatch.setattr(buffer, "grant", lambda *a, **k: right(*a, **{**k, "policy": "round-robin"}))
    result = bench(POINTS[0], seed, testcase="words_and_cycles_under_every_pair_of_profiles")
    assert "a read is not accepted when it should be" in next(iter(result.failed.values()))


def test_words_that_are_not_handed_on_are_told(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr("vitaccel_rtl.bank.Mux", lambda *choice: choice[2])
    result = bench(POINTS[0], seed, testcase="readers_of_every_stride")
    assert "responses differ" in next(iter(result.failed.values()))

"""The bench of arbiters: unfair ones and torn rows are told."""

from __future__ import annotations

import pytest

from vitaccel_rtl import arbiter
from vitaccel_rtl.arbiter import Arbiter
from vitaccel_sim.point_runs import run_point

PROFILES = "words_and_waits_under_every_pair_of_profiles"
WORDS, ROWS = 0, 1
"""Points."""


def test_an_unfair_arbiter_is_told(monkeypatch: pytest.MonkeyPatch, quick_simulator: str, seed: int) -> None:
    fair = arbiter.grant
    monkeypatch.setattr(arbiter, "grant", lambda *a, **k: fair(*a, **{**k, "policy": "fixed"}))
    result = run_point("arbiter", WORDS, seed=seed, testcase=PROFILES, simulator=quick_simulator)
    assert "others, and not 2 at most" in result.failed[PROFILES]


def test_a_torn_row_is_told(monkeypatch: pytest.MonkeyPatch, quick_simulator: str, seed: int) -> None:
    monkeypatch.setattr(Arbiter, "_keep", lambda *keep: keep[-1])
    result = run_point("arbiter", ROWS, seed=seed, testcase=PROFILES, simulator=quick_simulator)
    assert "is not whole" in result.failed[PROFILES]

"""The bench of banked buffers: a defect of words or of cycles is told."""

from __future__ import annotations

import pytest

from vitaccel_rtl import buffer
from vitaccel_sim.point_runs import run_point

PROFILES, STRIDES = "words_and_cycles_under_every_pair_of_profiles", "readers_of_every_stride"


def test_other_turns_are_told(monkeypatch: pytest.MonkeyPatch, quick_simulator: str, seed: int) -> None:
    right = buffer.grant
    monkeypatch.setattr(buffer, "grant", lambda *a, **k: right(*a, **{**k, "policy": "round-robin"}))
    result = run_point("buffer", 0, seed=seed, testcase=PROFILES, simulator=quick_simulator)
    assert "a read is not accepted when it should be" in result.failed[PROFILES]


def test_words_that_are_not_handed_on_are_told(
    monkeypatch: pytest.MonkeyPatch, quick_simulator: str, seed: int
) -> None:
    monkeypatch.setattr("vitaccel_rtl.bank.Mux", lambda *choice: choice[2])
    result = run_point("buffer", 0, seed=seed, testcase=STRIDES, simulator=quick_simulator)
    assert "responses differ" in result.failed[STRIDES]

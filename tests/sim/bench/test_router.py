"""The bench of routers of streams: words that are lost, or that overtake one that waits, are told."""

from __future__ import annotations

from typing import Any

import pytest

from vitaccel_rtl.router import Router
from vitaccel_sim.point_runs import run_point

HELD_UP = "an_output_that_takes_nothing_holds_up_what_is_behind_its_word"


def with_ready(monkeypatch: pytest.MonkeyPatch, ready: Any) -> None:
    """Make routers accept words when *ready* of them says so."""
    right = Router.elaborate

    def wrong(self: Router, platform: object) -> Any:
        m = right(self, platform)
        m.d.comb += self.i.ready.eq(ready(self))
        return m

    monkeypatch.setattr(Router, "elaborate", wrong)


@pytest.mark.parametrize("testcase", ["words_under_every_pair_of_profiles", HELD_UP])
def test_a_router_that_waits_for_nobody_is_told(
    monkeypatch: pytest.MonkeyPatch, quick_simulator: str, testcase: str, seed: int
) -> None:
    with_ready(monkeypatch, lambda _: 1)
    result = run_point("router", 0, seed=seed, testcase=testcase, simulator=quick_simulator)
    assert len(result.failed) == 1


def test_a_router_that_offers_a_word_again_and_again_is_told(
    monkeypatch: pytest.MonkeyPatch, quick_simulator: str, seed: int
) -> None:
    with_ready(monkeypatch, lambda _: 0)
    result = run_point("router", 0, seed=seed, testcase="declared_latency", simulator=quick_simulator)
    assert "words are expected, and one more came" in result.failed["declared_latency"]

"""A campaign kills for the right reason, reports what it cannot kill, and needs its traffic for that."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vitaccel_sim.mutation import campaign as campaigns
from vitaccel_sim.mutation.blocks import GROUPS, LEAST_SCORE, PLACES
from vitaccel_sim.mutation.campaign import Campaign, CampaignError, run_campaign
from vitaccel_sim.mutation.trials import Trial


def run(name: str, count: int, seed: int = 1, only: Callable[[Trial], bool] = lambda _: True) -> Campaign:
    place = PLACES[name]
    return run_campaign(name, place.point, count=count, seed=seed, lengths=place.lengths, alone=place.alone, only=only)


@pytest.mark.parametrize("name", ["gelu", "topk"])
def test_a_short_campaign_reaches_the_score(name: str) -> None:
    result = run(name, 60)
    assert result.killed + result.equivalent + len(result.survivors) == len(result.verdicts) == 60
    assert result.score >= LEAST_SCORE, [str(verdict.mutation) for verdict in result.survivors]


def test_mutations_are_killed_for_the_right_reason() -> None:
    by_place = {verdict.mutation.place: verdict for verdict in run("skid-buffer", 10_000).verdicts}
    assert by_place["o__payload$dffe.Q[0] inv"].fault == "wrong word"
    assert by_place["o__valid$sdffe.Q[0] const0"].fault == "hangs"
    assert by_place["o__valid$sdffe.Q[0] const1"].fault in ("wrong word", "word too many")
    reset = by_place["o__valid$sdffe.SRST[0] const0"]
    assert reset.fault
    assert "extremes" not in reset.trial, "a reset that does nothing is found after a reset only"


def test_survivors_are_reported_when_the_traffic_is_cut_short() -> None:
    whole = run("skid-buffer", 10_000)
    short = run("skid-buffer", 10_000, only=lambda trial: trial.name == "extremes, idle always, stall always")
    assert short.killed < whole.killed
    assert short.score < LEAST_SCORE < whole.score
    missed = {verdict.mutation.place for verdict in short.survivors}
    assert "o__valid$sdffe.SRST[0] const0" in missed


def test_a_netlist_that_fails_without_a_mutation_is_no_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaigns, "fault", lambda *_: "wrong word")
    with pytest.raises(CampaignError, match=r"^a netlist without a mutation must pass all trials, and fails extremes"):
        run("skid-buffer", 5)


@pytest.mark.full
@pytest.mark.parametrize("group", GROUPS)
def test_the_score_of_a_group(group: str) -> None:
    results = [run(name, 300) for name in GROUPS[group]]
    killed = sum(result.killed for result in results)
    survivors = [f"{result.block}: {verdict.mutation}" for result in results for verdict in result.survivors]
    assert killed / (killed + len(survivors)) >= LEAST_SCORE, survivors

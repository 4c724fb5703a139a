# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: parameters are made of components that are not run)
"""Routing that is drawn fits any sizes, the smallest ones too, where some bins cannot be met."""

from __future__ import annotations

import pytest

from vitaccel.backends.rtl.blocks.queues import EXPERT_QUEUES, EXPERT_ROUTER
from vitaccel_rtl import latency
from vitaccel_sim.benches.queues import MOST_TOKENS, STREAMS, routing_parameters
from vitaccel_sim.traffic.routing_bins import BINS

SMALLEST = {"lanes": 1, "row_blocks": 1, "tokens": 1, "experts": 1, "k": 1}
LARGE = {"lanes": 16, "row_blocks": 64, "tokens": 1024, "experts": 3, "k": 1}


def test_the_smallest_queues_meet_what_they_can(seed: int) -> None:
    told = routing_parameters(EXPERT_QUEUES.component(**SMALLEST), SMALLEST, seed)
    met = {name for job in told["long"] for name in job["met"]}
    assert {"one token", "one choice"} <= met < set(BINS)
    assert told["cycles"] == {
        "ready": latency.queues_ready(1),
        "answer": latency.QUEUE_ANSWER,
        "entry": latency.QUEUE_ENTRY,
        "second entry": latency.QUEUE_ENTRY,
        "words": 0,
    }


@pytest.mark.parametrize("block", [EXPERT_QUEUES, EXPERT_ROUTER], ids=lambda block: block.name)
def test_jobs_of_large_queues_are_not_as_large(block: object, seed: int) -> None:
    options = block.choose(LARGE)  # type: ignore[attr-defined]
    told = routing_parameters(block.component(**options), options, seed)  # type: ignore[attr-defined]
    assert set(told["short"][0]) == {*STREAMS, "met"}
    for job in (*told["short"], *told["long"], *told["one_expert"]):
        assert len(job["entry"]) <= 4 * MOST_TOKENS
        assert set(job["met"]) <= set(BINS)

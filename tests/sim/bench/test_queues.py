# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: parameters are made of components that are not run)
"""The cocotb bench of expert queues and of their router, with every bin it declares, and with faults."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from vitaccel.backends.rtl.blocks.softmax import powers_of, reciprocal_of
from vitaccel.reference.reciprocal import Reciprocal
from vitaccel_rtl import latency
from vitaccel_rtl.expert_router import ExpertRouter
from vitaccel_rtl.queues import ExpertQueues
from vitaccel_sim.bench.queues import declared, job_parameters, queue_parameters
from vitaccel_sim.cocotb_runner import run_bench
from vitaccel_sim.traffic.routing import RoutingJob, covering_jobs, random_job

MODULE = "vitaccel_sim.bench.queues"
SIZES = {"lanes": 4, "row_blocks": 9, "tokens": 9, "experts": 4, "k": 2}
POINT = {**SIZES, "fraction_bits": 8}


def queues() -> ExpertQueues:
    return ExpertQueues(**SIZES)


def router() -> ExpertRouter:
    return ExpertRouter(**SIZES, **powers_of(8), reciprocal=reciprocal_of(Reciprocal()))


def parameters(make: Callable[[], Any], seed: int) -> dict[str, Any]:
    component, rng = make(), random.Random(seed)
    is_router = isinstance(component, ExpertRouter)

    def of(job: RoutingJob, requests: list[Any]) -> dict[str, Any]:
        words = job.logit_words(rng) if is_router else job.choice_words()
        return job_parameters(component, job, words, requests, SIZES["experts"])

    first = random_job(POINT, rng, "one expert", tokens=5, frame_tokens=5, k=2, capacity=2, order="token")
    asked = [{"place": place, "by_length": 1, "entries": 1} for place in (0, 3)]
    second = random_job(POINT, rng, "ties", tokens=3, frame_tokens=3)
    one = random_job(POINT, rng, "one expert", tokens=4, frame_tokens=4, k=1, capacity=0, over_chosen=False)
    fields = {"tokens": 5, "frame_tokens": 5, "experts": first.experts, "k": 2, "over_chosen": first.over_chosen}
    ready = component.route_cycles(**fields) if is_router else 5 * 2 - 1 + component.ready_cycles
    every = [{"place": place, "by_length": 0, "entries": 1} for place in range(SIZES["experts"])]
    return queue_parameters(
        short=[of(first, asked), of(second, asked)],
        long=[of(job, job.requests(SIZES["experts"], rng)) for job in covering_jobs(POINT, rng)],
        one_expert=of(one, every),
        cycles={"ready": ready, "answer": latency.QUEUE_ANSWER, "entry": latency.QUEUE_ENTRY},
    )


@pytest.mark.parametrize("make", [queues, router])
def test_queues_equal_the_reference_and_every_bin_is_hit(make: Callable[[], Any], seed: int) -> None:
    result = run_bench(make(), MODULE, seed=seed, name=make.__name__, parameters=parameters(make, seed))
    result.check()
    assert len(result.passed) == 5
    coverage = declared()
    coverage.add(result.coverage)
    assert coverage.missed == ()


@pytest.mark.parametrize(("stream", "test"), [("answer", "jobs_of_every_kind"), ("entry", "jobs_of_every_kind")])
def test_one_wrong_bit_is_told(stream: str, test: str, seed: int) -> None:
    told = parameters(queues, seed)
    place = next(n for n, job in enumerate(told["long"]) if job[stream])
    told["long"][place][stream][0] ^= 1
    result = run_bench(queues(), MODULE, seed=seed, name="queues", parameters=told, testcase=test)
    assert len(result.failed) == 1
    assert f"job {place} of long" in result.failed[test]


def test_a_wrong_number_of_cycles_is_told(seed: int) -> None:
    told = parameters(queues, seed)
    told["cycles"]["ready"] += 1
    result = run_bench(queues(), MODULE, seed=seed, name="queues", parameters=told, testcase="declared_cycles")
    assert "cycles must be" in result.failed["declared_cycles"]

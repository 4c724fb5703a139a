"""Expert queues and their router: routing that is drawn, requests for every queue, and the reference's answers."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from amaranth.lib import wiring

from vitaccel_rtl import latency
from vitaccel_sim.bench.payload import pack, payload_shape
from vitaccel_sim.benches.block_bench import BlockBench
from vitaccel_sim.traffic.case import Word
from vitaccel_sim.traffic.routing import KINDS, RoutingJob, covering_jobs, random_job

STREAMS = ("job", "i", "request", "answer", "entry")

MOST_TOKENS = 64
"""Of a job that is drawn: more of them are more of the same."""


def job_parameters(
    component: wiring.Component, job: RoutingJob, words: Sequence[Word], requests: Sequence[Word], experts: int
) -> dict[str, Any]:
    """Return a job as JSON: payloads by stream, and the bins that it meets."""
    layouts = {name: payload_shape(getattr(component, name).signature) for name in STREAMS}
    answers, entries = job.answers(requests, experts)
    payloads = {
        "job": [job.job(layouts["job"].members)],
        "i": words,
        "request": requests,
        "answer": answers,
        "entry": entries,
    }
    packed = {name: [pack(layouts[name], word) for word in payloads[name]] for name in layouts}
    return {**packed, "met": [name for name, count in job.met().items() if count]}


def queue_parameters(
    *,
    short: Sequence[Mapping[str, Any]],
    long: Sequence[Mapping[str, Any]],
    one_expert: Mapping[str, Any],
    cycles: Mapping[str, int],
) -> dict[str, Any]:
    """Return the parameters of this bench.

    Parameters
    ----------
    short, long, one_expert
        Of :func:`job_parameters`.
    cycles
        Of the first of *short*, whose first request is for entries: ``ready``, from the first word to a request;
        ``answer`` and ``entry``, from that request to its length, its first entry and, if there is one, its
        ``second entry``; ``words``, from the first word to the last, if that is known.
    """
    return {"short": list(short), "long": list(long), "one_expert": [one_expert], "cycles": dict(cycles)}


def routing_parameters(component: Any, options: Mapping[str, int], seed: int) -> dict[str, Any]:
    """Return the parameters of the bench of queues, or of the router before them."""
    rng = random.Random(seed)
    is_router, experts = hasattr(component, "route_cycles"), options["experts"]
    point = {"fraction_bits": 8, **options, "tokens": min(options["tokens"], MOST_TOKENS)}

    def of(job: RoutingJob, requests: list[Any]) -> dict[str, Any]:
        words = job.logit_words(rng) if is_router else job.choice_words()
        return job_parameters(component, job, words, requests, experts)

    first = _job(point, rng, "one expert", tokens=5, k=2, capacity=min(2, point["tokens"]), order="token")
    asked = [{"place": place, "by_length": 1, "entries": 1} for place in (0, experts - 1)]
    second = _job(point, rng, "ties", tokens=3)
    one = _job(point, rng, "one expert", tokens=4, k=1, capacity=0, over_chosen=False)
    every = [{"place": place, "by_length": 0, "entries": 1} for place in range(experts)]
    return queue_parameters(
        short=[of(first, asked), of(second, asked)],
        long=[of(job, job.requests(experts, rng)) for job in (*covering_jobs(point, rng), *_full_jobs(point, rng))],
        one_expert=of(one, every),
        cycles={
            "ready": _ready_cycles(component, first),
            "answer": latency.QUEUE_ANSWER,
            "entry": latency.QUEUE_ENTRY,
            "second entry": latency.QUEUE_ENTRY + (first.tokens > 1) * latency.WORD_INTERVAL,
            **({} if is_router else {"words": (first.tokens * first.k - 1) * component.interval_cycles}),
        },
    )


def _job(
    point: Mapping[str, int], rng: random.Random, kind: str, *, tokens: int, k: int = 0, **fixed: Any
) -> RoutingJob:
    """Return a job of one frame, of as many tokens and choices as there may be."""
    tokens = min(tokens, point["tokens"])
    choices = {"k": min(k, point["k"])} if k else {}
    return random_job(point, rng, kind, tokens=tokens, frame_tokens=tokens, **choices, **fixed)


def _full_jobs(point: Mapping[str, int], rng: random.Random) -> list[RoutingJob]:
    """Return jobs of every kind of logits and both orders, as large as those that are drawn."""
    tokens = min(point["tokens"], point["lanes"] * point["row_blocks"])
    fixed = {"tokens": tokens, "frame_tokens": tokens, "k": point["k"], "capacity": tokens}
    return [random_job(point, rng, kind, order=order, **fixed) for kind in KINDS for order in ("token", "choice")]


def _ready_cycles(component: Any, job: RoutingJob) -> int:
    """Return the cycles from the first word of a job to its first request."""
    if not hasattr(component, "route_cycles"):
        return int(job.tokens * job.k - 1 + component.ready_cycles)
    return int(
        component.route_cycles(
            tokens=job.tokens, frame_tokens=job.tokens, experts=job.experts, k=job.k, over_chosen=job.over_chosen
        )
    )


def _point(lanes: int, row_blocks: int, tokens: int, experts: int, k: int) -> dict[str, int]:
    return {"lanes": lanes, "row_blocks": row_blocks, "tokens": tokens, "experts": experts, "k": k}


SIZES = (
    _point(4, 9, 33, 4, 2),
    _point(3, 11, 32, 5, 3),
    _point(1, 7, 7, 2, 1),
    _point(8, 4, 20, 7, 2),
    _point(2, 16, 13, 3, 3),
)

QUEUES = BlockBench(
    block="expert-queues", module="vitaccel_sim.bench.queues", points=SIZES, parameters=routing_parameters
)

ROUTER = BlockBench(
    block="expert-router",
    module="vitaccel_sim.bench.queues",
    points=tuple({**sizes, "fraction_bits": 6 + 2 * (place % 2)} for place, sizes in enumerate(SIZES)),
    parameters=routing_parameters,
)

"""Jobs of routing through expert queues, or through a whole router, in Amaranth's simulator."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from amaranth.hdl import Signal

from tests.rtl.stream_bench import FULL_SPEED, Profile, payload_shape
from tests.rtl.streams_bench import Sink, Source, exchange
from vitaccel_sim.traffic.routing import RoutingJob

NEVER = 1 << 60


class Gate(Sequence[int]):
    """Cycles before which words are not offered: 0 for those whose turn it is, for the rest never."""

    def __init__(self, is_open: Callable[[int], bool]) -> None:
        self._is_open = is_open

    def __len__(self) -> int:
        return NEVER

    def __getitem__(self, place: Any) -> Any:
        return 0 if self._is_open(place) else NEVER


@dataclass(frozen=True)
class RoutingRun:
    """The ends of all streams after a run."""

    jobs: Source
    words: Source
    requests: Source
    answers: Sink
    entries: Sink


def check_routing(
    component: Any,
    jobs: Sequence[RoutingJob],
    words: Sequence[Sequence[Any]],
    experts: int,
    profile: Profile = FULL_SPEED,
    seed: int = 0,
    requests: Sequence[Sequence[Any]] | None = None,
    setup: Callable[[Any], Any] | None = None,
    reset: Signal | None = None,
    asks_with_the_job: bool = False,
) -> RoutingRun:
    """Require that *component* makes the queues of *jobs* one after another, with the *words* of each.

    The next job is offered when the requests of the one before are accepted; words are offered from the start. Requests
    are offered when their job is accepted. Or they are offered with the job, when what was before has been answered.
    """
    rng = random.Random(seed)
    requests = [job.requests(experts, rng) for job in jobs] if requests is None else requests
    answers, entries, ended = [], [], [0]
    for job, asked in zip(jobs, requests, strict=True):
        of_job = job.answers(asked, experts)
        answers += of_job[0]
        entries += of_job[1]
        ended.append(len(entries))
    fields = payload_shape(component.job.signature).members
    ends = list(accumulate(len(asked) for asked in requests))
    asking = Source([request for asked in requests for request in asked], profile)
    giving = Source([job.job(fields) for job in jobs], profile)
    giving.not_before = Gate(lambda place: not place or len(asking.accepted) == ends[place - 1])
    asking.not_before = Gate(lambda place: place < ([0, *ends][len(giving.accepted)]))
    run = RoutingRun(
        jobs=giving,
        words=Source([word for of_job in words for word in of_job], profile),
        requests=asking,
        answers=Sink(len(answers), profile),
        entries=Sink(len(entries), profile),
    )
    if asks_with_the_job:
        giving.not_before = Gate(
            lambda place: len(run.answers.words) == [0, *ends][place] and len(run.entries.words) == ended[place]
        )
        asking.not_before = Gate(lambda place: place < ([0, *ends][len(giving.offered)]))
    sources = [(component.job, run.jobs), (component.i, run.words), (component.request, run.requests)]
    sinks = [(component.answer, run.answers), (component.entry, run.entries)]
    exchange(component, sources, sinks, seed=seed, setup=setup, reset=reset)
    assert run.answers.words == answers
    assert run.entries.words == entries
    return run

"""A banked buffer in Amaranth's simulator: words against the model, cycles against the schedule."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.rtl.stream_bench import FULL_SPEED, Profile
from tests.rtl.streams_bench import Sink, Source, exchange
from vitaccel_rtl.bank_schedule import Request, Service, read_schedule, write_schedule
from vitaccel_rtl.buffer import Buffer
from vitaccel_sim.bench.buffer_model import Accepted, Point, Word, expected_responses

POINTS = (
    Point(),
    Point(policy="round-robin", lane_writes=4),
    Point(words=34, banks=2, readers=4, writers=1, width=24, lane_writes=3, outstanding=6, tag_bits=0),
    Point(words=7, banks=1, readers=2, writers=2, width=1, policy="round-robin", outstanding=7),
    Point(words=256, banks=8, readers=8, writers=3, width=64, lane_writes=8, policy="round-robin", outstanding=11),
    Point(words=32, banks=16, readers=1, writers=8, width=9, tag_bits=17, outstanding=64),
)


@dataclass
class Run:
    """What went in and came out of one run, with all its cycles."""

    point: Point
    reads: list[Source]
    responses: list[Sink]
    writes: list[Source]


def run(
    point: Point,
    reads: Sequence[Sequence[Word]],
    writes: Sequence[Sequence[Word]],
    profiles: Sequence[Profile] = (FULL_SPEED,),
    *,
    seed: int = 0,
    not_before: Sequence[Sequence[int]] = (),
    block: Buffer | None = None,
    **options: Any,
) -> Run:
    """Send these streams under profiles chosen at random, one for each end."""
    rng = random.Random(seed)
    starts = not_before or [()] * len(reads)
    block = block or point.build()
    made = Run(
        point=point,
        reads=[Source(words, rng.choice(profiles), start) for words, start in zip(reads, starts, strict=True)],
        responses=[Sink(len(words), rng.choice(profiles)) for words in reads],
        writes=[Source(words, rng.choice(profiles)) for words in writes],
    )
    sources = [*zip(block.requests, made.reads, strict=True), *zip(block.writes, made.writes, strict=True)]
    exchange(block, sources, list(zip(block.responses, made.responses, strict=True)), seed=seed, **options)
    return made


def check_words(made: Run, memory: dict[int, int] | None = None) -> None:
    """Compare all responses; *memory* holds the words that are not 0 at the beginning."""
    reads, writes = ([accepted(source) for source in sources] for sources in (made.reads, made.writes))
    expected = expected_responses(made.point, reads, writes, {} if memory is None else dict(memory))
    assert [sink.words for sink in made.responses] == expected


def check_cycles(made: Run) -> None:
    """Compare every cycle with the schedule, which knows when requests were there and when responses could be taken."""
    point = made.point

    def was_ready(reader: int, cycle: int) -> bool:
        """Whether a response could be taken; after the run, where a schedule that differs may reach, it could."""
        ready = made.responses[reader].ready
        return cycle >= len(ready) or bool(ready[cycle])

    reads = read_schedule(
        [accepted(source).requests() for source in made.reads],
        banks=point.banks, policy=point.policy, outstanding=point.outstanding,
        is_ready=was_ready,
    )  # fmt: skip
    streams = [accepted(source).requests() for source in made.writes]
    writes = write_schedule(streams, banks=point.banks, policy=point.policy)
    assert [service.accepted for service in reads] == [source.accepted for source in made.reads]
    assert [service.answered for service in reads] == [sink.offered for sink in made.responses]
    assert [service.taken for service in reads] == [sink.taken for sink in made.responses]
    assert [service.accepted for service in writes] == [source.accepted for source in made.writes]


def accepted(source: Source) -> Accepted:
    return Accepted(words=source.words, offered=source.offered, accepted=source.accepted)


def unit_stride(starts: Sequence[int], count: int, cycles: Sequence[int] = ()) -> list[list[Request]]:
    """Return streams that start at these addresses, and in these cycles."""
    when = cycles or [0] * len(starts)
    return [
        [Request(address=start + place, not_before=cycle) for place in range(count)]
        for start, cycle in zip(starts, when, strict=True)
    ]


def lost_from(service: Service, first: int) -> int:
    """Return the cycles from *first* on in which a request was offered and not accepted."""
    pairs = zip(service.offered, service.accepted, strict=True)
    return sum(max(0, accepted - max(offered, first)) for offered, accepted in pairs)

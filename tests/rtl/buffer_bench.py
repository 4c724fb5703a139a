"""Traffic for a banked buffer, what it must answer, and when."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.rtl.stream_bench import FULL_SPEED, Profile
from tests.rtl.streams_bench import Sink, Source, exchange
from vitaccel_rtl.bank_schedule import Request, Service, read_schedule, write_schedule
from vitaccel_rtl.buffer import Buffer


@dataclass(frozen=True, kw_only=True)
class Point:
    """Parameters of a buffer."""

    words: int = 64
    width: int = 16
    banks: int = 4
    readers: int = 3
    writers: int = 2
    lane_writes: int = 1
    tag_bits: int = 5
    policy: str = "fixed"
    outstanding: int = 8

    def build(self) -> Buffer:
        return Buffer(**vars(self))

    def __str__(self) -> str:
        return f"{self.banks} banks {self.readers}r{self.writers}w {self.policy} {self.outstanding}"


POINTS = (
    Point(),
    Point(policy="round-robin", lane_writes=4),
    Point(words=34, banks=2, readers=4, writers=1, width=24, lane_writes=3, outstanding=5, tag_bits=0),
    Point(words=7, banks=1, readers=2, writers=2, width=1, policy="round-robin", outstanding=6),
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


def addresses(rng: random.Random, point: Point, count: int) -> list[int]:
    """A stream of unit stride, of one bank, of one word, or of any."""
    kind = rng.choice(("unit", "bank", "word", "any"))
    first = rng.randrange(point.words)
    strides = {"unit": 1, "bank": point.banks, "word": 0}
    if kind == "any":
        return [rng.randrange(point.words) for _ in range(count)]
    return [(first + place * strides[kind]) % point.words for place in range(count)]


def random_reads(rng: random.Random, point: Point, count: int) -> list[dict[str, int]]:
    tag = {"tag": 0} if point.tag_bits else {}
    return [
        {"address": address, **{name: rng.getrandbits(point.tag_bits) for name in tag}, "last": rng.getrandbits(1)}
        for address in addresses(rng, point, count)
    ]


def random_writes(rng: random.Random, point: Point, count: int) -> list[dict[str, int]]:
    enables = point.lane_writes > 1
    return [
        {
            "address": address,
            "word": rng.getrandbits(point.width),
            **({"enable": rng.getrandbits(point.lane_writes)} if enables else {}),
        }
        for address in addresses(rng, point, count)
    ]


def run(
    point: Point,
    reads: Sequence[Sequence[dict[str, int]]],
    writes: Sequence[Sequence[dict[str, int]]],
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


def expected_responses(made: Run, memory: dict[int, int] | None = None) -> list[list[dict[str, int]]]:
    """Return the responses of each reader: in every cycle writes happen first."""
    memory = {} if memory is None else memory
    events = [
        (cycle, 0, word) for source in made.writes for cycle, word in zip(source.accepted, source.words, strict=True)
    ]
    events += [
        (cycle, 1 + reader, word)
        for reader, source in enumerate(made.reads)
        for cycle, word in zip(source.accepted, source.words, strict=True)
    ]
    answers: list[list[dict[str, int]]] = [[] for _ in made.reads]
    for _, who, word in sorted(events, key=lambda event: event[:2]):
        address = word["address"]
        if who:
            rest = {name: value for name, value in word.items() if name != "address"}
            answers[who - 1].append({"word": memory.get(address, 0), **rest})
            continue
        mask = written_bits(made.point, word)
        memory[address] = memory.get(address, 0) & ~mask | word["word"] & mask
    return answers


def written_bits(point: Point, write: dict[str, int]) -> int:
    part = point.width // point.lane_writes
    enable = write.get("enable", 1)
    return sum(((1 << part) - 1) << lane * part for lane in range(point.lane_writes) if enable >> lane & 1)


def check_words(made: Run) -> None:
    for sink, answers in zip(made.responses, expected_responses(made), strict=True):
        assert sink.words == answers


def check_cycles(made: Run) -> None:
    """Compare every cycle with the schedule, which knows when requests were there and when responses could be taken."""
    point = made.point
    reads = read_schedule(
        [requests(source) for source in made.reads],
        banks=point.banks, policy=point.policy, outstanding=point.outstanding,
        is_ready=lambda reader, cycle: made.responses[reader].ready[cycle],
    )  # fmt: skip
    writes = write_schedule([requests(source) for source in made.writes], banks=point.banks, policy=point.policy)
    assert [service.accepted for service in reads] == [source.accepted for source in made.reads]
    assert [service.answered for service in reads] == [sink.offered for sink in made.responses]
    assert [service.taken for service in reads] == [sink.taken for sink in made.responses]
    assert [service.accepted for service in writes] == [source.accepted for source in made.writes]


def requests(source: Source) -> list[Request]:
    pairs = zip(source.words, source.offered, strict=True)
    return [Request(address=word["address"], not_before=cycle) for word, cycle in pairs]


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

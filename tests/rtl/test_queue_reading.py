from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile
from tests.rtl.streams_bench import Sink, Source, exchange
from vitaccel_rtl import latency, queue_reading
from vitaccel_rtl.queue_memory import QueueMemory, QueueShape
from vitaccel_rtl.queue_reading import QueueReading

SHAPE = QueueShape(rows=12, tokens=12, experts=3, k=2)
ORDERED = (2, 0, 1)
"""Experts by rank, whatever the lengths are: reading believes what it is told."""

Entry = tuple[int, int, int]


class Kept(wiring.Component):
    """Reading, and the memory that it reads."""

    def __init__(self) -> None:
        self.reading, self.memory = QueueReading(SHAPE), QueueMemory(SHAPE)
        members = self.reading.signature.members
        super().__init__({name: members[name] for name in ("request", "answer", "entry", "ready")})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.reading, m.submodules.memory = reading, memory = self.reading, self.memory
        wiring.connect(m, wiring.flipped(self.request), reading.request)
        wiring.connect(m, reading.answer, wiring.flipped(self.answer))
        wiring.connect(m, reading.entry, wiring.flipped(self.entry))
        for name in ("expert", "rank", "walk", "address"):
            m.d.comb += getattr(memory, name).eq(getattr(reading, name))
        for name in ("length", "count", "queued", "listed", "heads", "link"):
            m.d.comb += getattr(reading, name).eq(getattr(memory, name))
        m.d.comb += [reading.stored.eq(memory.entry), reading.ready.eq(self.ready)]
        m.d.comb += [rank.eq(expert) for rank, expert in zip(reading.ordered, ORDERED, strict=True)]
        return m


def read(
    entries: list[Entry], asked: list[tuple[int, int, int]], *, limit: int, by_rank: bool, profile: Profile, seed: int
) -> tuple[Source, Sink, Sink]:
    """Keep entries of an expert, a rank and a token, then answer requests (place, by length, with entries)."""
    block = Kept()
    memory = block.memory

    async def keep(ctx: Any) -> None:
        ctx.set(memory.limit, limit)
        ctx.set(memory.by_rank, by_rank)
        ctx.set(memory.add, 1)
        for expert, rank, token in entries:
            ctx.set(memory.add_expert, expert)
            ctx.set(memory.add_rank, rank)
            ctx.set(memory.add_list, expert << SHAPE.rank_bits | (rank if by_rank else 0))
            ctx.set(memory.add_token, token)
            ctx.set(memory.add_entry, {"row": token ^ 5, "score": 1000 * rank + token})
            await ctx.tick()
        ctx.set(memory.add, 0)
        await ctx.tick().repeat(2)
        ctx.set(block.ready, 1)

    requests = Source(
        [dict(zip(("place", "by_length", "entries"), request, strict=True)) for request in asked], profile
    )
    answers = Sink(len(asked), profile)
    given = Sink(sum(len(queue_of(entries, r, limit=limit, by_rank=by_rank)) for r in asked if r[2]), profile)
    exchange(block, [(block.request, requests)], [(block.answer, answers), (block.entry, given)], seed=seed, setup=keep)
    return requests, answers, given


def queue_of(entries: list[Entry], request: tuple[int, int, int], *, limit: int, by_rank: bool) -> list[Entry]:
    """Return what is in the queue that is asked for."""
    place, by_length, _ = request
    expert = ORDERED[place] if by_length else place
    mine = [entry for entry in entries if entry[0] == expert]
    return (sorted(mine, key=lambda entry: entry[1]) if by_rank else mine)[:limit]


def words_of(queue: list[Entry]) -> list[dict[str, int]]:
    last = len(queue) - 1
    return [
        {"token": token, "row": token ^ 5, "score": 1000 * rank + token, "last": int(place == last)}
        for place, (_, rank, token) in enumerate(queue)
    ]


def some_entries(rng: random.Random) -> list[Entry]:
    """Return both choices of twelve tokens; expert 1 is nobody's second choice."""
    return [(expert, rank, token) for token in range(12) for rank, expert in enumerate((rng.choice((0, 1)), 2))]


@pytest.mark.parametrize("profile", PROFILES, ids=str)
@pytest.mark.parametrize("by_rank", [False, True])
@pytest.mark.parametrize("limit", [1, 5, 15])
def test_requests_are_answered_in_order(limit: int, by_rank: bool, profile: Profile, seed: int) -> None:
    rng = random.Random(seed)
    entries = some_entries(rng)
    asked = [(rng.randrange(3), rng.randrange(2), rng.randrange(2)) for _ in range(12)]
    _, answers, given = read(entries, asked, limit=limit, by_rank=by_rank, profile=profile, seed=seed)
    queues = [queue_of(entries, request, limit=limit, by_rank=by_rank) for request in asked]
    experts = [ORDERED[place] if by_length else place for place, by_length, _ in asked]
    assert answers.words == [
        {"expert": expert, "length": len(queue)} for expert, queue in zip(experts, queues, strict=True)
    ]
    expected = [word for queue, request in zip(queues, asked, strict=True) if request[2] for word in words_of(queue)]
    assert given.words == expected


def test_cycles_are_the_declared_ones(seed: int) -> None:
    """Twelve second choices: in one list, and in the list of the second rank behind an empty one."""
    entries = some_entries(random.Random(seed))
    for by_rank, skipped in ((False, 0), (True, 2)):
        requests, answers, given = read(entries, [(2, 0, 1)], limit=15, by_rank=by_rank, profile=FULL_SPEED, seed=seed)
        (asked,) = requests.accepted
        assert answers.offered == [asked + latency.QUEUE_ANSWER]
        start = asked + latency.QUEUE_ENTRY + skipped
        assert given.offered == list(range(start, start + 12))


def test_an_empty_queue_has_no_entries(seed: int) -> None:
    _, answers, given = read([(0, 0, 3)], [(1, 0, 1), (0, 0, 1)], limit=15, by_rank=True, profile=FULL_SPEED, seed=seed)
    assert [word["length"] for word in answers.words] == [0, 1]
    assert given.words == words_of([(0, 0, 3)])


def test_a_walk_that_follows_links_too_early_is_found(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """One head instead of two: the second entry would be what the register behind the memory held before."""
    whole = queue_reading.QueueReading._walk

    def walk(reading: Any, m: Module, begin: Any, issue: Any, is_last: Any) -> None:
        whole(reading, m, begin, issue, is_last)
        m.d.comb += reading.address.eq(reading.link)

    monkeypatch.setattr(queue_reading.QueueReading, "_walk", walk)
    with pytest.raises(AssertionError):
        test_requests_are_answered_in_order(15, False, FULL_SPEED, seed)

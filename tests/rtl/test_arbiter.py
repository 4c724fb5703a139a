# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Signal
from amaranth.lib import data

from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, refuses
from tests.rtl.streams_bench import Sink, Source, exchange
from vitaccel_rtl import arbiter
from vitaccel_rtl.arbiter import Arbiter
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog

ROW_WORD = data.StructLayout({"value": 12, "last": 1})
POINTS = [(2, "round-robin"), (3, "fixed"), (3, "round-robin"), (5, "fixed"), (8, "round-robin"), (17, "round-robin")]
RARE = Profile("rare", idle=0.9)


def numbered(source: int, count: int) -> list[int]:
    return [source << 8 | place for place in range(count)]


def rows(rng: random.Random, source: int, count: int) -> list[dict[str, int]]:
    lasts = [*(int(rng.random() < 0.3) for _ in range(count - 1)), 1]
    return [{"value": source << 7 | place, "last": last} for place, last in enumerate(lasts)]


def share(
    block: Arbiter, queues: list[list[Any]], profiles: list[Profile], stall: Profile, seed: int, **options: Any
) -> tuple[list[Source], Sink]:
    sources = [Source(queue, profile) for queue, profile in zip(queues, profiles, strict=True)]
    sink = Sink(sum(len(queue) for queue in queues), stall)
    exchange(block, list(zip(block.i, sources, strict=True)), [(block.o, sink)], seed=seed, **options)
    return sources, sink


def check_order(queues: list[list[Any]], sink: Sink) -> None:
    """Each source's words come out once and in their order."""
    for place, queue in enumerate(queues):
        assert [word["word"] for word in sink.words if word["source"] == place] == queue


def words_waited_for(sources: list[Source]) -> int:
    """Return the most words of others that were accepted while a word waited."""
    accepted = sorted(cycle for source in sources for cycle in source.accepted)
    return max(
        sum(offered <= cycle < taken for cycle in accepted)
        for source in sources
        for offered, taken in zip(source.offered, source.accepted, strict=True)
    )


def predicted(offers: list[list[int]], policy: str, ready: list[bool]) -> list[list[int]]:
    """Return the cycles in which words are accepted, from when they were offered and when the output was ready."""
    accepted: list[list[int]] = [[] for _ in offers]
    last, chosen, full = len(offers) - 1, False, False
    for cycle, takes in enumerate(ready):
        waiting = [
            place for place, cycles in enumerate(offers)
            if len(accepted[place]) < len(cycles) and cycles[len(accepted[place])] <= cycle
        ]  # fmt: skip
        if full and not takes:
            continue
        full, chosen = chosen, bool(waiting)
        if waiting:
            start = last + 1 if policy == "round-robin" else 0
            last = min(waiting, key=lambda place: (place - start) % len(offers))
            accepted[last].append(cycle)
    return accepted


@pytest.mark.parametrize("stall", PROFILES, ids=str)
@pytest.mark.parametrize(("count", "policy"), POINTS)
def test_every_word_comes_out_once_and_when_the_policy_says(count: int, policy: str, stall: Profile, seed: int) -> None:
    rng = random.Random(seed)
    queues = [numbered(place, rng.randint(5, 25)) for place in range(count)]
    profiles = [rng.choice((*PROFILES, RARE)) for _ in range(count)]
    block = Arbiter(16, sources=count, policy=policy)
    sources, sink = share(block, queues, profiles, stall, seed)
    check_order(queues, sink)
    expected = predicted([source.offered for source in sources], policy, sink.ready)
    assert [source.accepted for source in sources] == expected


@pytest.mark.parametrize("stall", PROFILES, ids=str)
@pytest.mark.parametrize("count", [2, 5, 8])
def test_under_round_robin_a_word_waits_for_each_other_source_once(count: int, stall: Profile, seed: int) -> None:
    queues = [numbered(place, 30) for place in range(count)]
    block = Arbiter(16, sources=count)
    # The first never rests; the others come and go.
    profiles = [FULL_SPEED, *(random.Random(seed + place).choice(PROFILES) for place in range(1, count))]
    sources, _ = share(block, queues, profiles, stall, seed)
    assert words_waited_for(sources) <= block.bound_words == count - 1


def test_all_at_once_the_bound_is_reached() -> None:
    block = Arbiter(16, sources=4)
    sources, sink = share(block, [numbered(place, 8) for place in range(4)], [FULL_SPEED] * 4, FULL_SPEED, 0)
    assert words_waited_for(sources) == block.bound_words
    assert [word["source"] for word in sink.words] == [0, 1, 2, 3] * 8


def test_under_fixed_priority_the_last_may_starve() -> None:
    block = Arbiter(16, sources=3, policy="fixed")
    sources, sink = share(block, [numbered(place, 20) for place in range(3)], [FULL_SPEED] * 3, FULL_SPEED, 0)
    assert [word["source"] for word in sink.words] == [0] * 20 + [1] * 20 + [2] * 20
    assert words_waited_for(sources) == 40
    assert block.bound_words is None


@pytest.mark.parametrize("policy", arbiter.POLICIES)
def test_a_word_a_cycle_after_the_declared_latency(policy: str) -> None:
    block = Arbiter(16, sources=3, policy=policy)
    sources, sink = share(block, [numbered(place, 10) for place in range(3)], [FULL_SPEED] * 3, FULL_SPEED, 0)
    accepted = sorted(cycle for source in sources for cycle in source.accepted)
    assert accepted == list(range(30))
    assert sink.taken == [cycle + block.latency_cycles for cycle in accepted]
    assert block.latency_cycles == 2


@pytest.mark.parametrize("profile", PROFILES, ids=str)
@pytest.mark.parametrize(("count", "policy"), POINTS[:5])
def test_rows_are_kept_together(count: int, policy: str, profile: Profile, seed: int) -> None:
    rng = random.Random(seed)
    queues = [rows(rng, place, 20) for place in range(count)]
    block = Arbiter(ROW_WORD, sources=count, policy=policy, keep_until_last=True)
    _, sink = share(block, queues, [profile] * count, profile, seed)
    check_order(queues, sink)
    assert rows_are_whole(sink)


def rows_are_whole(sink: Sink) -> bool:
    pairs = zip(sink.words, sink.words[1:], strict=False)
    return all(word["word"]["last"] or after["source"] == word["source"] for word, after in pairs)


@pytest.mark.parametrize("stall", PROFILES, ids=str)
def test_under_round_robin_a_row_waits_for_each_other_source_once(stall: Profile, seed: int) -> None:
    rng = random.Random(seed)
    queues = [rows(rng, place, 40) for place in range(4)]
    block = Arbiter(ROW_WORD, sources=4, keep_until_last=True)
    sources, _ = share(block, queues, [FULL_SPEED] * 4, stall, seed)
    ends = sorted(
        cycle for source in sources for word, cycle in zip(source.words, source.accepted, strict=True) if word["last"]
    )
    for source in sources:
        starts = [place for place in range(40) if place == 0 or source.words[place - 1]["last"]]
        waits = [sum(source.offered[p] <= end < source.accepted[p] for end in ends) for p in starts]
        assert max(waits) <= block.bound_words


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("cycles", [1, 2, 5])
def test_a_reset_forgets_words_rows_and_turns(keep: bool, cycles: int, seed: int) -> None:
    block = Arbiter(ROW_WORD, sources=3, keep_until_last=keep)
    reset = Signal()

    async def interrupt(ctx: Any) -> None:
        for place in (1, 2):
            ctx.set(block.i[place].valid, 1)
        ctx.set(block.o.ready, cycles % 2)
        await ctx.tick().repeat(cycles)
        for place in (1, 2):
            ctx.set(block.i[place].valid, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)

    queues = [rows(random.Random(seed + place), place, 12) for place in range(3)]
    _, sink = share(block, queues, [FULL_SPEED] * 3, FULL_SPEED, seed, setup=interrupt, reset=reset)
    check_order(queues, sink)
    assert sink.words[0]["source"] == 0


def test_an_arbiter_that_favours_somebody_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    fair = arbiter.grant
    monkeypatch.setattr(arbiter, "grant", lambda *a, **k: fair(*a, **{**k, "policy": "fixed"}))
    block = Arbiter(16, sources=3)
    sources, _ = share(block, [numbered(place, 20) for place in range(3)], [FULL_SPEED] * 3, FULL_SPEED, 0)
    assert words_waited_for(sources) > block.bound_words


def test_an_arbiter_that_mixes_rows_is_found(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(Arbiter, "_keep", lambda *keep: keep[-1])
    queues = [rows(random.Random(seed), place, 30) for place in range(3)]
    block = Arbiter(ROW_WORD, sources=3, keep_until_last=True)
    _, sink = share(block, queues, [FULL_SPEED] * 3, FULL_SPEED, seed)
    assert not rows_are_whole(sink)


def test_valid_does_not_wait_for_ready() -> None:
    block = Arbiter(16, sources=2)
    never = Profile("never", stall=1.0)
    sink = Sink(None, never)
    exchange(block, [(block.i[1], Source([7, 8]))], [(block.o, sink)], cycles=10)
    assert sink.offered == [2]


@pytest.mark.parametrize(("count", "policy"), POINTS)
def test_the_verilog_is_clean(count: int, policy: str) -> None:
    assert lint(to_verilog(Arbiter(ROW_WORD, sources=count, policy=policy, keep_until_last=True), name="arbiter")) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("sources of an arbiter must be an integer from 2 to 32, not 1", Arbiter, 8, sources=1)
    message = "policy of an arbiter must be one of round-robin, fixed, not 'random'"
    refuses(message, Arbiter, 8, sources=2, policy="random")
    message = "words of an arbiter that keeps rows together must have a field 'last', not be 8"
    refuses(message, Arbiter, 8, sources=2, keep_until_last=True)

# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Signal

from tests.rtl.buffer_bench import (
    POINTS,
    Run,
    check_cycles,
    check_words,
    lost_from,
    run,
)
from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, refuses
from tests.rtl.streams_bench import Sink, Source, exchange
from vitaccel_rtl import buffer
from vitaccel_rtl.bank_schedule import Service, lost_cycles
from vitaccel_rtl.buffer import Buffer
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.bench.buffer_model import Point, random_reads, random_writes

NEVER = Profile("never", stall=1.0)
IDS = [str(point) for point in POINTS]


def random_run(point: Point, seed: int, profiles: tuple[Profile, ...], count: int = 60, **options: Any) -> Run:
    rng = random.Random(seed)
    reads = [random_reads(rng, point, count) for _ in range(point.readers)]
    writes = [random_writes(rng, point, count) for _ in range(point.writers)]
    return run(point, reads, writes, profiles, seed=seed, **options)


def reads_of(starts: list[int], count: int) -> list[list[dict[str, int]]]:
    return [[{"address": start + place, "tag": 0, "last": 0} for place in range(count)] for start in starts]


@pytest.mark.parametrize("point", POINTS, ids=IDS)
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_words_and_cycles_are_those_of_the_models(point: Point, profile: Profile, seed: int) -> None:
    made = random_run(point, seed, (profile,))
    check_words(made)
    check_cycles(made)


@pytest.mark.parametrize("point", POINTS, ids=IDS)
def test_every_end_under_a_profile_of_its_own(point: Point, seed: int) -> None:
    made = random_run(point, seed, PROFILES, count=120)
    check_words(made)
    check_cycles(made)


@pytest.mark.parametrize("policy", ["fixed", "round-robin"])
@pytest.mark.parametrize("readers", [2, 3, 4])
def test_streams_of_unit_stride_fall_into_step(readers: int, policy: str, seed: int) -> None:
    rng = random.Random(seed)
    point = Point(words=256, readers=readers, writers=1, policy=policy)
    for starts in ([0] * readers, [rng.randrange(100) for _ in range(readers)]):
        made = run(point, reads_of(starts, 60), [[]])
        check_cycles(made)
        services = [Service(offered=source.offered, accepted=source.accepted) for source in made.reads]
        lost = [service.lost_cycles for service in services]
        assert max(lost) <= point.banks - 1
        assert sum(lost) == sum(lost_cycles(starts, banks=point.banks))
        if policy == "fixed":
            assert tuple(lost) == lost_cycles(starts, banks=point.banks)
        assert all(source.accepted[-1] - source.accepted[5] == 54 for source in made.reads), "a word a cycle from then"


def test_the_bound_holds_from_the_last_start(seed: int) -> None:
    rng = random.Random(seed)
    point = Point(words=256, readers=4, writers=1)
    for _ in range(4):
        starts, cycles = ([rng.randrange(most) for _ in range(4)] for most in (100, 20))
        made = run(point, reads_of(starts, 80), [[]], not_before=[[cycle] * 80 for cycle in cycles])
        check_cycles(made)
        for source in made.reads:
            service = Service(offered=source.offered, accepted=source.accepted)
            assert lost_from(service, max(cycles)) <= point.banks - 1


@pytest.mark.parametrize("point", POINTS, ids=IDS)
def test_one_reader_takes_a_word_a_cycle_after_the_declared_latency(point: Point) -> None:
    block = point.build()
    words = [
        {"address": place % point.words, "last": 0} | ({"tag": 1} if point.tag_bits else {}) for place in range(40)
    ]
    made = run(point, [words] + [[]] * (point.readers - 1), [[]] * point.writers, block=block)
    assert made.reads[0].accepted == list(range(40))
    assert made.responses[0].taken == [cycle + block.latency_cycles for cycle in range(40)]
    assert block.latency_cycles == 5


def test_a_reader_that_takes_nothing_stops_nobody_else() -> None:
    block = Point(outstanding=6).build()
    stuck, other = Source(reads_of([0], 40)[0]), Source(reads_of([1], 40)[0])
    sinks = [Sink(None, NEVER), Sink(40, FULL_SPEED)]
    ends = list(zip(block.responses, sinks, strict=False))
    exchange(block, [(block.requests[0], stuck), (block.requests[1], other)], ends, cycles=60)
    assert stuck.accepted == list(range(6))
    assert other.accepted == list(range(40))
    assert sinks[1].taken == list(range(5, 45))


@pytest.mark.parametrize("distance", [-2, -1, 0, 1, 2])
def test_a_read_sees_a_write_of_its_own_cycle(distance: int) -> None:
    """The second of two writes is accepted *distance* cycles after the read."""
    block = Point(width=16, lane_writes=2, readers=1, writers=1).build()
    writes = Source(
        [{"address": 9, "word": 0x1111, "enable": 3}, {"address": 9, "word": 0x2222, "enable": 2}],
        not_before=[0, 10 + distance],
    )
    read, sink = Source([{"address": 9, "tag": 3, "last": 1}], not_before=[10]), Sink(1)
    exchange(block, [(block.writes[0], writes), (block.requests[0], read)], [(block.responses[0], sink)])
    assert (writes.accepted, read.accepted) == ([0, 10 + distance], [10])
    assert sink.words == [{"word": 0x2211 if distance <= 0 else 0x1111, "tag": 3, "last": 1}]


@pytest.mark.parametrize("cycles", [1, 3, 4, 5, 9])
def test_a_reset_forgets_requests_and_keeps_words(cycles: int, seed: int) -> None:
    point = Point()
    block = point.build()
    reset = Signal()
    kept = {address: 0x1000 + address for address in range(16)}

    async def interrupt(ctx: Any) -> None:
        ctx.set(block.writes[0].valid, 1)
        for address, word in kept.items():
            ctx.set(block.writes[0].p.address, address)
            ctx.set(block.writes[0].p.word, word)
            await ctx.tick()
        ctx.set(block.writes[0].valid, 0)
        for reader in (0, 2):
            ctx.set(block.requests[reader].valid, 1)
        await ctx.tick().repeat(cycles)
        for reader in (0, 2):
            ctx.set(block.requests[reader].valid, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)

    made = random_run(point, seed, PROFILES, count=30, block=block, setup=interrupt, reset=reset)
    check_words(made, kept)
    check_cycles(made)


def test_a_buffer_with_other_turns_is_found(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    right = buffer.grant
    monkeypatch.setattr(buffer, "grant", lambda *a, **k: right(*a, **{**k, "policy": "round-robin"}))
    made = random_run(POINTS[0], seed, (FULL_SPEED,))
    check_words(made)
    with pytest.raises(AssertionError):
        check_cycles(made)


def test_a_buffer_that_hands_nothing_on_is_found(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr("vitaccel_rtl.bank.Mux", lambda *choice: choice[2])
    made = random_run(POINTS[3], seed, (FULL_SPEED,), count=400)
    with pytest.raises(AssertionError):
        check_words(made)


def test_a_buffer_without_credits_is_found(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    def always(queue: Any, m: Any) -> None:
        m.d.comb += queue.has_place.eq(1)

    monkeypatch.setattr("vitaccel_rtl.credit_queue.CreditQueue._count_places", always)
    with pytest.raises(AssertionError):
        check_words(random_run(POINTS[0], seed, (Profile("stalls", stall=0.9),)))


@pytest.mark.parametrize("point", POINTS, ids=IDS)
def test_the_verilog_is_clean(point: Point) -> None:
    assert lint(to_verilog(point.build(), name="buffer")) == ()


def test_the_largest_buffers_are_built() -> None:
    """Ports only: 64 K words of 32 int8 lanes."""
    block = Buffer(words=1 << 16, width=256, banks=8, readers=4, writers=4, lane_writes=32)
    assert block.requests[0].p.address.shape().width == 16
    assert block.writes[0].p.enable.shape().width == 32


@pytest.mark.parametrize(
    ("message", "changed"),
    [
        ("words of a buffer must be an integer from 2 to 65536, not 1", {"words": 1}),
        ("words of a buffer must be a multiple of its 4 banks, not 66", {"words": 66}),
        ("width of a buffer must be an integer from 1 to 1024, not 0", {"width": 0}),
        ("banks of a buffer must be an integer from 1 to 16, not 32", {"banks": 32}),
        ("banks of a buffer must be a power of two, not 3", {"banks": 3}),
        ("readers of a buffer must be an integer from 1 to 8, not 9", {"readers": 9}),
        ("writers of a buffer must be an integer from 1 to 8, not 0", {"writers": 0}),
        ("lane_writes of a buffer must be an integer from 1 to 16, not 17", {"lane_writes": 17}),
        ("lane_writes of a buffer must divide its width of 16 bits, not be 3", {"lane_writes": 3}),
        ("tag_bits of a buffer must be an integer from 0 to 64, not 65", {"tag_bits": 65}),
        ("policy of a buffer must be one of round-robin, fixed, not 'fair'", {"policy": "fair"}),
        ("outstanding of a buffer must be an integer from 6 to 64, not 5", {"outstanding": 5}),
    ],
)
def test_parameters_out_of_range_are_refused(message: str, changed: dict[str, Any]) -> None:
    refuses(message, Buffer, **{**vars(Point()), **changed})

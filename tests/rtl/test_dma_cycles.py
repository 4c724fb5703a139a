"""Cycles of a job on the bus: closed forms against bursts one by one, and against the declared engines."""

from __future__ import annotations

import random

import pytest

from vitaccel_rtl.dma_cycles import Bus, Occupation, buffer_beats, occupation, occupied, read_latency, write_latency
from vitaccel_rtl.dma_timing import BUFFER_TURN, READ_TURN, WRITE_TURN, Job, ReadEngine, WriteEngine, bursts_of_run

DRAWN = 300


def drawn_bus(rng: random.Random, turn: int = READ_TURN) -> tuple[Bus, int]:
    """Return a bus, and the memory's latency."""
    latency_cycles = rng.choice((1, 20, 300, rng.randint(0, 90)))
    beat_bytes = rng.choice((4, 8, 16, 32, 64))
    burst_beats = min(4096 // beat_bytes, rng.choice((1, 2, 16, 64, 256, rng.randint(1, 256))))
    outstanding = rng.randint(1, 9)
    bus = Bus(
        beat_bytes=beat_bytes,
        burst_beats=burst_beats,
        outstanding=outstanding,
        wait_cycles=latency_cycles + turn,
        buffer_beats=buffer_beats(outstanding, burst_beats) if turn == READ_TURN else 0,
    )
    return bus, latency_cycles


def drawn_job(rng: random.Random, multiple: int, most_bytes: int = 40_000) -> Job:
    """Return a job whose rows begin at multiples of so many bytes."""
    rows = rng.choice((1, 1, rng.randint(2, 20)))
    row_bytes = rng.randint(1, most_bytes // rows)
    if rng.random() < 0.5:
        row_bytes = -(-row_bytes // multiple) * multiple
    stride_bytes = (-(-row_bytes // multiple) + rng.choice((0, 0, 1, 77))) * multiple
    address = rng.randrange(20_000) // multiple * multiple
    return Job(address=address, rows=rows, row_bytes=row_bytes, stride_bytes=stride_bytes)


def bursts_of(bus: Bus, job: Job) -> list[int]:
    sizes = {"beat_bytes": bus.beat_bytes, "burst_beats": bus.burst_beats, "page_bytes": bus.page_bytes}
    return [beats for run in job.runs for beats in bursts_of_run(*run, **sizes)]


def stepped(bus: Bus, bursts: list[int]) -> int:
    """Cycle after the last beat: each burst takes the place that is free first, and waits for room in the buffer."""
    places, arrived, now = [0] * bus.outstanding, [], 0
    for beats in bursts:
        place = min(range(len(places)), key=places.__getitem__)
        now = max(now, places[place])
        if bus.buffer_beats and len(arrived) + beats > bus.buffer_beats:
            now = max(now, arrived[len(arrived) + beats - bus.buffer_beats - 1] + 1 + bus.wait_cycles + BUFFER_TURN)
        arrived += range(now, now + beats)
        now += beats
        places[place] = now + bus.wait_cycles
    return now


def test_alone_and_repeated_are_those_of_its_bursts(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(DRAWN):
        bus, _ = drawn_bus(rng)
        job = drawn_job(rng, rng.choice((1, 3, bus.beat_bytes)))
        bursts = bursts_of(bus, job)
        alone = stepped(bus, bursts)
        is_full = sum(bursts) * bus.outstanding >= len(bursts) * bus.buffer_beats > 0
        wait_cycles = bus.wait_cycles + BUFFER_TURN * is_full
        round_trips = -(-(len(bursts) * wait_cycles + sum(bursts)) // bus.outstanding)
        assert occupation(bus, job) == Occupation(alone, max(alone, round_trips)), (bus, job)


def test_where_the_bus_is_the_limit_jobs_of_any_order_take_their_beats(seed: int) -> None:
    rng = random.Random(seed)
    bus = Bus(beat_bytes=8, burst_beats=16, outstanding=4, wait_cycles=32, buffer_beats=64)
    jobs = [Job(address=128 * rng.randrange(99), row_bytes=8 * rng.choice((16, 16 * rng.randint(1, 9)))) for _ in "abc"]
    together = [beats for job in jobs for beats in bursts_of(bus, job)]
    assert stepped(bus, together) == sum(sum(occupation(bus, job)) for job in jobs) // 2


@pytest.mark.parametrize("ports", [2, 3])
def test_a_bus_of_several_ports_is_as_wide_as_all(ports: int) -> None:
    """Its bursts are of as many beats as on one port, from which each port gets its share of the bytes."""
    one = Bus(beat_bytes=8, burst_beats=16, outstanding=2, wait_cycles=50, buffer_beats=32)
    several = Bus(
        beat_bytes=8 * ports, burst_beats=16, outstanding=2, wait_cycles=50, buffer_beats=32, page_bytes=4096 * ports
    )
    for share in (8, 4096, 10_000, 50_000):
        on_one, on_several = Job(address=4000, row_bytes=share), Job(address=4000 * ports, row_bytes=share * ports)
        assert bursts_of(one, on_one) == bursts_of(several, on_several)
        assert occupation(one, on_one) == occupation(several, on_several)


def test_the_closed_form_of_one_run(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(DRAWN):
        bus, _ = drawn_bus(rng, WRITE_TURN)
        beats, bursts = rng.randint(1, 256), rng.randint(1, 40)
        last = rng.randint(1, beats)
        closed = occupied(bursts, beats, last, outstanding=bus.outstanding, wait_cycles=bus.wait_cycles)
        assert closed == stepped(bus, [beats] * (bursts - 1) + [last])


@pytest.mark.parametrize("writes", [False, True])
def test_a_job_is_done_when_its_engine_says(writes: bool, seed: int) -> None:
    """Words are as wide as beats or a multiple, as rows begin at words: the bus is never kept waiting on chip."""
    rng = random.Random(seed)
    for _ in range(DRAWN):
        bus, latency_cycles = drawn_bus(rng, WRITE_TURN if writes else READ_TURN)
        word_bytes = bus.beat_bytes * rng.choice((1, 2, 4))
        sizes = {"beat_bytes": bus.beat_bytes, "word_bytes": word_bytes, "align_bytes": word_bytes}
        job, at = drawn_job(rng, word_bytes), rng.randrange(99)
        engine = {**sizes, "burst_beats": bus.burst_beats, "outstanding": bus.outstanding}
        if writes:
            done = WriteEngine(**engine, latency_cycles=latency_cycles).job(job, at)
            latency = write_latency(latency_cycles, **sizes)
        else:
            done = ReadEngine(**engine, latency_cycles=latency_cycles, buffer_beats=bus.buffer_beats).job(job, at)
            latency = read_latency(latency_cycles, **sizes)
        assert done == at + occupation(bus, job).alone + latency, (bus, job)

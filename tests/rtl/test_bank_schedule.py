from __future__ import annotations

import itertools
import random

import pytest

from tests.rtl.buffer_bench import lost_from, unit_stride
from tests.rtl.stream_bench import refuses
from vitaccel_rtl.arbiter import POLICIES
from vitaccel_rtl.bank_schedule import Request, lost_cycles, read_schedule, write_schedule
from vitaccel_rtl.latency import BUFFER_READ

STEADY = 24
"""Requests of a stream; enough to be in step well before its end."""


@pytest.mark.parametrize(("banks", "streams"), [(1, 1), (2, 2), (4, 2), (4, 3), (4, 4), (8, 3)])
def test_streams_of_unit_stride_fall_into_step(banks: int, streams: int) -> None:
    """All starts there are; a stream of the ones in step loses nothing more."""
    for starts in itertools.product(range(banks), repeat=streams):
        for policy in POLICIES:
            services = read_schedule(unit_stride(starts, STEADY), banks=banks, policy=policy)
            lost = [service.lost_cycles for service in services]
            assert max(lost) <= banks - 1
            # Whoever loses, the banks that are taken in the end are the same, and so is the sum.
            assert sum(lost) == sum(lost_cycles(starts, banks=banks))
            for service in services:
                assert service.accepted[-8:] == list(range(service.accepted[-1] - 7, service.accepted[-1] + 1))
            if policy == "fixed":
                assert tuple(lost) == lost_cycles(starts, banks=banks)
                assert all(cycles <= place for place, cycles in enumerate(lost))


def test_the_bound_is_reached() -> None:
    assert lost_cycles((0, 0, 0, 0), banks=4) == (0, 1, 2, 3)
    assert lost_cycles((0, 3, 2, 1), banks=4) == (0, 0, 0, 0)
    assert lost_cycles((5, 5 + 3, 1), banks=4) == (0, 0, 2)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("banks", [2, 4, 8])
def test_the_bound_holds_from_the_last_start(banks: int, policy: str, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        streams = rng.randint(1, banks)
        starts = [rng.randrange(64) for _ in range(streams)]
        cycles = [rng.randrange(12) for _ in range(streams)]
        services = read_schedule(unit_stride(starts, 4 * STEADY, cycles), banks=banks, policy=policy)
        assert all(lost_from(service, max(cycles)) <= banks - 1 for service in services)


def test_more_streams_than_banks_do_not() -> None:
    services = read_schedule(unit_stride((0, 0, 0), STEADY), banks=2)
    assert services[2].lost_cycles >= STEADY - 1
    refuses("streams in step must be as many as the 2 banks or fewer, not 3", lost_cycles, (0, 0, 0), banks=2)


def test_one_stream_is_answered_after_the_latency() -> None:
    (service,) = read_schedule(unit_stride((5,), 10), banks=4)
    assert service.accepted == list(range(10))
    assert service.answered == service.taken == list(range(BUFFER_READ, 10 + BUFFER_READ))
    assert service.lost_cycles == 0


def test_fixed_priority_and_turns() -> None:
    three = [[Request(address=0)] * 3] * 3
    assert [s.accepted for s in write_schedule(three, banks=2)] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    turns = write_schedule(three, banks=2, policy="round-robin")
    assert [s.accepted for s in turns] == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    assert [s.taken for s in turns] == [[], [], []]


def test_a_reader_that_takes_nothing_stops_and_the_others_do_not() -> None:
    services = read_schedule(
        unit_stride((0, 1), 40), banks=4, outstanding=6, is_ready=lambda reader, cycle: reader == 1 or cycle >= 30
    )
    assert services[0].accepted[:7] == [0, 1, 2, 3, 4, 5, 31]
    assert services[1].accepted == list(range(40))


def test_fewer_places_than_the_round_trip_halve_the_rate() -> None:
    (service,) = read_schedule(unit_stride((0,), 40), banks=4, outstanding=BUFFER_READ)
    assert service.accepted[-1] > 40
    (service,) = read_schedule(unit_stride((0,), 40), banks=4, outstanding=BUFFER_READ + 1)
    assert service.accepted[-1] == 39

"""Stages that stand still: against registers moved cycle by cycle."""

from __future__ import annotations

import random

import pytest

from vitaccel_rtl.accelerator.stalled_stages import StalledStages


def moved(stages: int, comes: list[int], waits: list[int]) -> list[tuple[int, int, int]]:
    """Return when words enter, arrive and leave that come so early and wait so long at the end: moves registers."""
    places: list[int | None] = [None] * stages
    times: list[list[int]] = []
    cycle = left = 0
    while left < len(comes):
        last = places[-1]
        if last is not None and len(times[last]) == 1:
            times[last].append(cycle)
        moves = last is None or cycle >= times[last][1] + waits[last]
        if moves and last is not None:
            times[last].append(cycle)
            left += 1
        if moves:
            enters = len(times) < len(comes) and comes[len(times)] <= cycle
            places = [len(times) if enters else None, *places[:-1]]
            if enters:
                times.append([cycle])
        cycle += 1
    return [(enters, arrives, leaves) for enters, arrives, leaves in times]


@pytest.mark.parametrize("stages", [1, 2, 5])
def test_words_enter_and_arrive_as_in_registers(stages: int, seed: int) -> None:
    rng = random.Random(seed)
    comes = sorted(rng.randrange(400) for _ in range(100))
    waits = [rng.choice((0, 0, 0, 1, rng.randrange(9))) for _ in comes]
    line = StalledStages(stages=stages)
    computed = []
    entered = -1
    for come, wait in zip(comes, waits, strict=True):
        entered = line.enters(max(come, entered + 1))
        arrives = line.arrives(entered)
        line.hold(arrives, arrives + wait)
        computed.append((entered, arrives, arrives + wait))
    assert computed == moved(stages, comes, waits)


def test_a_state_is_what_matters_later() -> None:
    line = StalledStages(stages=3)
    line.hold(10, 15)
    line.hold(20, 30)
    later = StalledStages(stages=3)
    later.resume(line.since(18), 118)
    assert [later.enters(cycle) for cycle in (118, 121, 131)] == [118, 130, 131]
    assert line.since(40) == ()

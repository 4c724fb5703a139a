"""Progressions: the list that they stand for, and the same progressions however it came about."""

from __future__ import annotations

import random

import pytest

from vitaccel_rtl.accelerator.progressions import Progression, Progressions


def test_progressions_are_the_times_that_were_added(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(200):
        bound, times, time = rng.randrange(1, 30), [], 0
        made, one_by_one = Progressions(bound), Progressions(bound)
        for _ in range(rng.randrange(1, 9)):
            more = Progression(time + rng.choice((0, 1, 2)), rng.choice((1, 2, 5)), rng.randrange(6))
            made.extend(more)
            added = [more.first + more.step * place for place in range(more.count)]
            times += added
            for each in added:
                one_by_one.append(each)
            time = times[-1] + rng.choice((1, 1, 2)) if times else 0
        assert list(made) == times
        assert [made[place] for place in range(-len(times), len(times))] == times * 2
        cycle = rng.randrange(-2, time + 3)
        state = made.since(cycle)
        assert state == one_by_one.since(cycle)
        kept = [each for each in times[-bound:] if each > cycle]
        resumed = Progressions(bound)
        resumed.resume(state, cycle + 100)
        assert list(resumed) == [each + 100 for each in kept]
        assert state == Progressions(bound, [Progression(each, 1, 1) for each in kept]).since(cycle)


def test_few_progressions_are_made() -> None:
    made = Progressions(
        100, [Progression(0, 1, 10), Progression(10, 1, 5), Progression(16, 2, 3), Progression(22, 2, 9)]
    )
    assert made.since(-1) == ((1, 1, 15), (17, 2, 12))
    assert made.since(16) == ((2, 2, 11),)


@pytest.mark.parametrize("place", [2, -3])
def test_a_time_that_was_not_added(place: int) -> None:
    with pytest.raises(IndexError, match=f"one of 2, not {place}"):
        Progressions(5, [Progression(3, 1, 2)])[place]

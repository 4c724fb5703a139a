"""Profiles act and rest as their names say, whatever the other side does."""

from __future__ import annotations

import random

import pytest

from vitaccel_sim.bench.profiles import PROFILES


def decisions(name: str, seed: int, other: bool, cycles: int = 2000) -> list[bool]:
    acts = PROFILES[name].start(random.Random(seed))
    return [acts(other) for _ in range(cycles)]


@pytest.mark.parametrize("other", [False, True])
@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_acts_in_the_end(name: str, other: bool, seed: int) -> None:
    acts = decisions(name, seed, other)
    longest = max((len(rest) for rest in "".join(str(int(act)) for act in acts).split("1")), default=0)
    assert sum(acts) > 50
    assert longest < 400, "shorter than the patience of a bench"


def test_profiles_differ(seed: int) -> None:
    assert all(decisions("always", seed, True))
    assert decisions("every-other", seed, True)[:4] == [False, True, False, True]
    assert 0.4 < sum(decisions("random", seed, True)) / 2000 < 0.6
    assert sum(decisions("rare", seed, True)) < 320
    assert all(decisions("adversarial", seed, False)), "it hesitates only while the other side is active"
    assert sum(decisions("adversarial", seed, True)) < 1000


def test_the_same_seed_repeats(seed: int) -> None:
    for name in PROFILES:
        assert decisions(name, seed, True) == decisions(name, seed, True)

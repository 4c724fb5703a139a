"""How a memory answers: numbers out of range are told."""

from __future__ import annotations

from typing import Any

import pytest

from vitaccel_sim.accelerator.behaviour import CHANNELS, MemoryBehaviour

FIXED = MemoryBehaviour(latency_cycles=7)


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ({"latency_cycles": 0}, "latency_cycles of a memory must be 1 or more, not 0"),
        ({"jitter_cycles": -1}, "jitter_cycles of a memory must be 0 or more, not -1"),
        ({"beats": 0}, "beats of a memory must be 1 or more, not 0"),
        ({"beats": 3, "beats_cycles": 2}, "beats of a memory must be 2 or fewer in 2 cycles, not 3"),
        ({"longest_burst": 0}, "longest_burst of a memory must be 1 or more, not 0"),
        ({"in_flight": 0}, "in_flight of a memory must be 1 or more, not 0"),
        ({"stalls": {"x": 0.1}}, "channel of a memory must be one of ar, r, aw, w, b, not 'x'"),
        ({"stalls": {"r": 1}}, "stalls of r must be from 0 to less than 1, not 1"),
        ({"order": "none"}, "order of a memory must be one of any, data first, address first, not 'none'"),
    ],
)
def test_numbers_out_of_range_are_told(numbers: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        MemoryBehaviour(**numbers)


def test_fixed_is_what_draws_nothing_and_limits_nothing() -> None:
    assert FIXED.is_fixed
    others: tuple[dict[str, Any], ...] = ({"jitter_cycles": 1}, {"beats_cycles": 2}, {"stalls": {"b": 0.1}})
    assert not any(MemoryBehaviour(**other).is_fixed for other in others)


def test_the_mean_of_a_memory() -> None:
    """An address and a first beat that are kept waiting, a cycle each where half of them are."""
    assert (FIXED.mean_latency_cycles, FIXED.beats_per_cycle) == (7, 1)
    assert MemoryBehaviour(latency_cycles=7, jitter_cycles=10).mean_latency_cycles == 12
    halves = MemoryBehaviour(latency_cycles=7, stalls=dict.fromkeys(CHANNELS, 0.5))
    assert (halves.mean_latency_cycles, halves.beats_per_cycle) == (9, 0.5)
    assert MemoryBehaviour(latency_cycles=7, stalls={"ar": 0.75, "b": 0.5}).mean_latency_cycles == 10
    assert MemoryBehaviour(beats=2, beats_cycles=5, stalls={"w": 0.1}).beats_per_cycle == 0.4
    assert MemoryBehaviour(beats=4, beats_cycles=5, stalls={"w": 0.75}).beats_per_cycle == 0.25


def test_the_structure_has_everything() -> None:
    stalls = {channel: at / 8 for at, channel in enumerate(CHANNELS)}
    behaviour = MemoryBehaviour(latency_cycles=3, jitter_cycles=4, beats=5, beats_cycles=6, stalls=stalls)
    made = behaviour.structure(seed=2**64 + 9)
    assert (made.latency, made.jitter, made.beats, made.cycles, made.seed) == (3, 4, 5, 6, 9)
    assert list(made.stall) == [0, 0.125, 0.25, 0.375, 0.5]

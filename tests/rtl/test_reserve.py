# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Bursts wait for room: never more beats than it holds, never longer than needed, one burst a cycle."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from amaranth.sim import Simulator

from tests.rtl.stream_bench import refuses
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.reserve import Reserve

GEOMETRY = Geometry(data_bits=64, word_bytes=8, burst_beats=16)


def run(
    bursts: list[int], beats: int, leaves: Callable[[], bool], takes: Callable[[], bool], offered: int | None = None
) -> tuple[list[int], list[int], list[int]]:
    """Return the bursts taken, when each was accepted and when taken; the room is kept here, too.

    A beat leaves only if one has come. *offered* is the room that the component is built for, if not *beats*.
    """
    reserve = Reserve(GEOMETRY, beats=offered or beats)
    taken: list[int] = []
    accepted: list[int] = []
    cycles: list[int] = []

    async def bench(ctx: Any) -> None:
        room, valid, ready = beats, False, False
        for cycle in range(40 * len(bursts)):
            if not valid and len(accepted) < len(bursts):
                valid = True
                ctx.set(reserve.i.p, {"address": 8 * len(accepted), "beats": bursts[len(accepted)], "last": 0})
            leaving = room < beats and leaves()
            ready = takes()
            ctx.set(reserve.i.valid, valid)
            ctx.set(reserve.leaves, leaving)
            ctx.set(reserve.o.ready, ready)
            _, _, is_taken, was_offered, burst = await ctx.tick().sample(
                reserve.i.ready, reserve.o.valid, reserve.o.payload
            )
            if was_offered and ready:
                assert burst.beats <= room, f"cycle {cycle}: {burst.beats} beats have no room in {room}"
                assert burst.address == 8 * len(taken)
                taken.append(burst.beats)
                cycles.append(cycle)
                room -= burst.beats
            elif len(accepted) > len(taken):
                assert was_offered or bursts[len(taken)] > room, f"cycle {cycle}: there is room"
            room += leaving
            if valid and is_taken:
                accepted.append(cycle)
                valid = False

    simulator = Simulator(reserve)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return taken, accepted, cycles


@pytest.mark.parametrize("beats", [16, 17, 40])
@pytest.mark.parametrize("often", [0.3, 0.9])
def test_every_burst_goes_as_soon_as_it_has_room(beats: int, often: float, seed: int) -> None:
    rng = random.Random(seed)
    bursts = [rng.choice((1, 16, rng.randint(1, 16))) for _ in range(40)]
    taken, _, _ = run(bursts, beats, lambda: rng.random() < often, lambda: rng.random() < 0.8)
    assert taken == bursts


def test_its_latency_and_a_burst_a_cycle() -> None:
    taken, accepted, cycles = run([1] * 20, 16, lambda: True, lambda: True)
    assert taken == [1] * 20
    first = accepted[0] + Reserve(GEOMETRY, beats=16).latency_cycles
    assert cycles == list(range(first, first + 20))


def test_a_burst_without_room_is_found() -> None:
    with pytest.raises(AssertionError, match=r"16 beats have no room in 4"):
        run([16, 16], 20, lambda: False, lambda: True, offered=32)


def test_room_for_less_than_a_burst_is_refused() -> None:
    refuses("beats that bursts have room in must be an integer from 16 to 65536, not 15", Reserve, GEOMETRY, beats=15)

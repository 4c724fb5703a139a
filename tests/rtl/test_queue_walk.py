# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""A walk visits the entries of each block once for each tile, at a slot a cycle, queue after queue without a gap."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import pytest

from tests.rtl.queue_bench import Memory, QueueRun, run_queues
from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, refuses
from vitaccel_rtl import latency
from vitaccel_rtl.lint import lint
from vitaccel_rtl.queue_walk import QueueWalk
from vitaccel_rtl.verilog import to_verilog

Job = tuple[dict[str, int], list[int]]


def drawn(rng: random.Random, bits: int, shapes: Sequence[tuple[int, int]]) -> list[Job]:
    """Return jobs of so many entries and tiles; sums wrap."""
    top = 1 << bits
    return [
        (
            {"address": rng.randrange(top), "step": rng.randrange(top), "tiles": tiles, "entries": entries},
            [rng.randrange(top) for _ in range(entries)],
        )
        for entries, tiles in shapes
    ]


def slots(jobs: Sequence[Job], side: int, bits: int) -> list[tuple[int | None, int, int, int]]:
    """Return address (none of a slot without an entry), taken, end of block, end of queue of every slot."""
    found = []
    for job, rows in jobs:
        for first in range(0, len(rows), side):
            for tile, place in itertools.product(range(job["tiles"]), range(side)):
                entry = first + place
                taken = entry < len(rows)
                address = (job["address"] + rows[entry] + tile * job["step"]) % (1 << bits) if taken else None
                ends = tile == job["tiles"] - 1 and place == side - 1
                found.append((address, int(taken), int(ends), int(ends and first + side >= len(rows))))
    return found


def walk(block: QueueWalk, jobs: Sequence[Job], count: int, profile: Profile = FULL_SPEED, seed: int = 0) -> QueueRun:
    streams = {"job": [job for job, _ in jobs], "entry": [row for _, rows in jobs for row in rows]}
    return run_queues(block, streams, Memory({}), count, profile, seed)


def seen(result: QueueRun) -> list[tuple[int | None, int, int, int]]:
    return [
        (word["address"] if word["taken"] else None, word["taken"], word["ends_block"], word["ends_queue"])
        for word in result.words
    ]


@pytest.mark.parametrize(("side", "bits"), [(2, 8), (3, 5), (4, 16), (8, 10), (16, 32)])
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_slots_of_queues_of_every_length(side: int, bits: int, profile: Profile, seed: int) -> None:
    shapes = [(0, 1), (1, 2), (side - 1, 1), (side, 3), (side + 1, 2), (37, 1), (0, 3), (2 * side, 1)]
    jobs = drawn(random.Random(seed), bits, shapes)
    expected = slots(jobs, side, bits)
    assert seen(walk(QueueWalk(side=side, address_bits=bits), jobs, len(expected), profile, seed)) == expected


@pytest.mark.parametrize("side", [2, 3, 4, 8, 32])
def test_a_slot_a_cycle_without_a_gap_and_the_declared_latency(side: int, seed: int) -> None:
    shapes = [(side, 1), (3 * side, 1), (1, 1), (side + 1, 2), (side, 1)]
    block = QueueWalk(side=side)
    count = sum(latency.queue_slots(entries, tiles, side) for entries, tiles in shapes)
    result = walk(block, drawn(random.Random(seed), 16, shapes), count)
    assert result.offered[0] - result.accepted["entry"][0] == block.latency_cycles
    assert [b - a for a, b in itertools.pairwise(result.offered)] == [1] * (count - 1)


class OnlyFirst:
    """Chooses the first of its values, whatever the index is."""

    def __init__(self, values: Sequence[object]) -> None:
        self.values = values

    def __getitem__(self, index: object) -> object:
        return self.values[0]


def test_steps_of_another_block_are_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contexts of two blocks are kept; taking that of the first always is wrong for the second."""
    jobs = drawn(random.Random(seed), 16, [(4, 3), (4, 2)])
    monkeypatch.setattr("vitaccel_rtl.queue_walk.Choice", OnlyFirst)
    with pytest.raises(AssertionError):
        assert seen(walk(QueueWalk(side=4), jobs, 20)) == slots(jobs, 4, 16)


def test_verilog_is_clean() -> None:
    assert lint(to_verilog(QueueWalk(side=5), name="queue_walk")) == ()


def test_impossible_parameters_are_refused() -> None:
    refuses("side of a queue must be an integer from 2 to 64, not 65", QueueWalk, side=65)
    refuses("address_bits of a queue must be an integer from 1 to 32, not 33", QueueWalk, side=4, address_bits=33)
    refuses("tile_bits of a queue must be an integer from 1 to 24, not 0", QueueWalk, side=4, tile_bits=0)
    refuses("entry_bits of a queue must be an integer from 1 to 24, not 25", QueueWalk, side=4, entry_bits=25)

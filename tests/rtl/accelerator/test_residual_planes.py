"""Residuals: two planes of the buffer, read one after the other, and words of int16 that wait until they are used."""

from __future__ import annotations

import random

import pytest

from tests.rtl.accelerator.slot_bench import SLOTS, Machine, Port, simulate
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.pace import frames
from vitaccel_rtl.accelerator.residual_planes import ResidualPlanes

WORDS, CLIENT = 128, 2


@pytest.mark.parametrize("side", [4, 8, 9])
def test_low_and_high_bytes_leave_together_when_the_sums_come(side: int, seed: int) -> None:
    rng = random.Random(seed)
    part = ResidualPlanes(side=side, words=WORDS, client=CLIENT)
    machine = Machine(side=side, words=WORDS, readers={CLIENT: part})
    content = [rng.randbytes(side) for _ in range(WORDS)]
    valid, line, word = (Port(getattr(machine.buffer.writes[4], name)) for name in ("valid", "line", "word"))
    drives: list[dict[Port, int]] = []
    for cycle in range(WORDS):
        of = cycle // SLOTS * SLOTS + (cycle + 4) % SLOTS
        drives.append({valid: 1, line: of // SLOTS, word: int.from_bytes(content[of], "little")})

    start, address, plane, taken = (Port(getattr(part, name)) for name in ("start", "address", "plane", "taken"))
    interval = SLOTS * (frames(side) + frames(side))
    tiles = [(SLOTS * rng.randrange(3) + rng.choice([0, 5]), SLOTS * rng.randint(5, 7)) for _ in range(5)]
    begins = [len(drives) + 2 * SLOTS + number * (interval + SLOTS) for number in range(len(tiles))]
    there = SLOTS * frames(side) + latency.READ_RUN + 1
    drives += [{} for _ in range(begins[-1] + there + 4 * SLOTS - len(drives))]
    expected = {}
    for begin, (low, distance) in zip(begins, tiles, strict=True):
        drives[begin] |= {start: 1, address: low, plane: distance}
        for number in range(side):
            drives[begin + there + number] |= {taken: 1}
            pairs = zip(content[low + number], content[low + distance + number], strict=True)
            expected[begin + there + number] = [int.from_bytes(bytes(pair), "little", signed=True) for pair in pairs]
    seen = simulate(machine, drives, list(part.residual))
    for cycle, values in expected.items():
        assert [*seen[cycle]] == values, f"cycle {cycle}"

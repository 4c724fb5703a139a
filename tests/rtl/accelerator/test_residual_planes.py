"""Residuals: two planes of the buffer, read at the same time, and words of int16 that wait until they are used."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from tests.rtl.accelerator.slot_bench import SLOTS, Machine, Port, simulate
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.pace import frames
from vitaccel_rtl.accelerator.residual_planes import ResidualPlanes

WORDS, CLIENTS = 128, (2, 7)


class Planes(Machine):
    """The part on two clients of a buffer."""

    def __init__(self, *, side: int) -> None:
        super().__init__(side=side, words=WORDS)
        self.part = ResidualPlanes(side=side, words=WORDS, clients=CLIENTS)

    def elaborate(self, platform: object) -> Module:
        m = super().elaborate(platform)
        m.submodules.part = part = self.part
        m.d.comb += part.phase.eq(self.buffer.phase)
        for client, memory in zip(CLIENTS, part.memories, strict=True):
            wiring.connect(m, memory, self.buffer.reads[client])
        return m


@pytest.mark.parametrize("side", [4, 8, 9, 32])
def test_low_and_high_bytes_leave_together_when_the_sums_come(side: int, seed: int) -> None:
    rng = random.Random(seed)
    machine = Planes(side=side)
    part = machine.part
    content = [rng.randbytes(side) for _ in range(WORDS)]
    valid, line, word = (Port(getattr(machine.buffer.writes[4], name)) for name in ("valid", "line", "word"))
    drives: list[dict[Port, int]] = []
    for cycle in range(WORDS):
        of = cycle // SLOTS * SLOTS + (cycle + 4) % SLOTS
        drives.append({valid: 1, line: of // SLOTS, word: int.from_bytes(content[of], "little")})

    start, address, plane, taken = (Port(getattr(part, name)) for name in ("start", "address", "plane", "taken"))
    interval = SLOTS * frames(side + SLOTS - 1)  # one may begin in an earlier bank than the one before
    tiles = [(SLOTS * rng.randrange(3) + rng.choice([0, 5]), SLOTS * rng.randint(5, 7)) for _ in range(5)]
    begins = [len(drives) + 2 * SLOTS + number * interval for number in range(len(tiles))]
    there = latency.READ_RUN + 1
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

# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a line that is refused is never elaborated)
"""Places for words: each is written in the first cycle that meets its bank, whatever waits beside it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.rtl.accelerator.slot_bench import SLOTS, Machine, Port, simulate
from tests.rtl.stream_bench import refuses
from vitaccel_rtl.accelerator.waiting_line import WaitingLine
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog


def check(client: int, rng: random.Random, cycles: int, late: int = 0) -> int:
    """Put a word for any bank wherever there must be room; return how many."""
    side, words = 4, 64
    line = WaitingLine(side=side, words=words, client=client)
    machine = Machine(side=side, words=words, writers={client: line})
    machine.late = late
    put, address, data = (Port(getattr(line, name)) for name in ("put", "address", "word"))
    free = [0] * SLOTS
    room: list[bool] = []
    drives: list[dict[Port, int]] = []
    expected: dict[int, tuple[int, int]] = {}
    for cycle in range(cycles):
        place, word = rng.randrange(words), rng.getrandbits(8 * side)
        room.append(cycle >= free[place % SLOTS])
        drives.append({address: place})
        if room[-1] and rng.random() < 0.8:
            drives[-1] |= {put: 1, data: word}
            wait = (place - client - 2 - cycle) % SLOTS
            expected[cycle + 2 + wait] = (place, word)
            free[place % SLOTS] = cycle + 1 + wait
    probes: list[Any] = [line.room, line.memory.valid, line.memory.line, line.memory.word]
    seen = simulate(machine, drives + [{}] * 2 * SLOTS, probes)
    for cycle, (has_room, valid, lines, word) in enumerate(seen):
        assert cycle >= cycles or has_room == room[cycle], f"room at cycle {cycle}"
        got = (SLOTS * lines + (cycle + client) % SLOTS, word) if valid else None
        assert got == expected.get(cycle), f"word at cycle {cycle}"
    return len(expected)


@pytest.mark.parametrize("client", [0, 4, 7])
def test_each_word_meets_its_bank(client: int, seed: int) -> None:
    assert check(client, random.Random(seed), 400) > 100


def test_a_wrong_phase_is_found(seed: int) -> None:
    with pytest.raises(AssertionError, match=r" at cycle "):
        check(4, random.Random(seed), 60, late=1)


def test_the_verilog_is_clean() -> None:
    assert lint(to_verilog(WaitingLine(side=4, words=64, client=3), name="line")) == ()


def test_parameters_out_of_range_are_refused() -> None:
    refuses("client of a slot buffer must be an integer from 0 to 7, not 8", WaitingLine, side=4, words=64, client=8)
    refuses("words of a slot buffer must be a multiple of its 8 banks, not 12", WaitingLine, side=4, words=12, client=0)

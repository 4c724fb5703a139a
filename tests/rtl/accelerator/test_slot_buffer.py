# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a buffer that is refused is never elaborated)
"""The slot buffer: every client has its word when it must, and sees what was written before."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.rtl.accelerator.slot_bench import SLOTS, Machine, Port, Written, simulate
from tests.rtl.stream_bench import refuses
from vitaccel_rtl.accelerator import slot_buffer
from vitaccel_rtl.accelerator.slot_buffer import SlotBuffer
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog


def check(side: int, words: int, rng: random.Random, cycles: int) -> int:
    """Read and write with all clients at once, and require every word in its cycle; return how many were compared."""
    machine = Machine(side=side, words=words)
    late = machine.buffer.latency_cycles
    written = Written()
    drives: list[dict[Port, int]] = []
    reads: list[tuple[int, int, int]] = []
    sides = [
        [{name: Port(getattr(client, name)) for name in ("valid", "line", "word")} for client in clients]
        for clients in (machine.buffer.reads, machine.buffer.writes)
    ]
    for cycle in range(cycles):
        drive: dict[Port, int] = {}
        for client in range(SLOTS):
            bank = (cycle + client) % SLOTS
            reader, writer = sides[0][client], sides[1][client]
            if rng.random() < 0.8:
                line = rng.randrange(words // SLOTS)
                drive |= {reader["valid"]: 1, reader["line"]: line}
                reads.append((cycle, client, SLOTS * line + bank))
            if rng.random() < 0.8:
                line, word = rng.randrange(words // SLOTS), rng.getrandbits(8 * side)
                drive |= {writer["valid"]: 1, writer["line"]: line, writer["word"]: word}
                written.write(cycle, SLOTS * line + bank, word)
        drives.append(drive)
    seen = simulate(machine, drives + [{}] * late, [client.word for client in machine.buffer.reads])
    compared = 0
    for cycle, client, address in reads:
        word = written.read(cycle, address)
        assert word is None or seen[cycle + late][client] == word, f"client {client} at cycle {cycle}"
        compared += word is not None
    return compared


@pytest.mark.parametrize(("side", "words"), [(4, 8), (4, 24), (5, 64)])
def test_all_clients_at_once(side: int, words: int, seed: int) -> None:
    assert SlotBuffer(side=side, words=words).latency_cycles == 6
    assert check(side, words, random.Random(seed), 200) > 100


def test_a_wrong_phase_is_found(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    class Late:
        SLOTS = SLOTS
        SLOT_BUFFER = 7

    monkeypatch.setattr(slot_buffer, "latency", Late)
    with pytest.raises(AssertionError, match=r"^client "):
        check(4, 24, random.Random(seed), 40)


def test_the_verilog_is_clean() -> None:
    assert lint(to_verilog(SlotBuffer(side=4, words=64), name="buffer")) == ()


def test_parameters_out_of_range_are_refused() -> None:
    def refused(message: str, **parameters: Any) -> None:
        refuses(message, SlotBuffer, **parameters)

    refused("side of a slot buffer must be an integer from 1 to 64, not 65", side=65, words=64)
    refused("words of a slot buffer must be an integer from 8 to 1048576, not 0", side=4, words=0)
    refused("words of a slot buffer must be a multiple of its 8 banks, not 12", side=4, words=12)

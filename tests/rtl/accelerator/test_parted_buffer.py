"""The buffer of several arrays: every client, shared or a part's own, has its word when it must."""

from __future__ import annotations

import random

import pytest

from tests.rtl.accelerator.slot_bench import SLOTS, Port, Written, simulate
from vitaccel_rtl.accelerator.parted_buffer import PartedBuffer
from vitaccel_rtl.accelerator.parts import Parts

OWN_READS, OWN_WRITES = (0, 2, 7), (1, 5)
NAMES = ("valid", "line", "word")


def check(count: int, words: int, rng: random.Random, cycles: int) -> int:
    """Read and write with all clients at once, and require every word in its cycle; return how many were compared."""
    side, parts = 4, Parts(count=count, words=words)
    buffer = PartedBuffer(side=side, parts=parts, own_reads=OWN_READS, own_writes=OWN_WRITES)
    late, written = buffer.latency_cycles, Written()
    shared, own = [], []
    for ports, part_ports, numbers in (
        (buffer.reads, buffer.part_reads, OWN_READS),
        (buffer.writes, buffer.part_writes, OWN_WRITES),
    ):
        shared.append({c: {n: Port(getattr(ports[c], n)) for n in NAMES} for c in range(SLOTS) if c not in numbers})
        own.append(
            {
                (part, client): {n: Port(getattr(part_ports[part * len(numbers) + at], n)) for n in NAMES}
                for part in range(count)
                for at, client in enumerate(numbers)
            }
        )
    phase = Port(buffer.phase)
    drives: list[dict[Port, int]] = []
    reads: list[tuple[int, Port, int]] = []
    # Ports, whether they read, their client and, of those that are a part's own, the part.
    clients = [
        *((ports, is_read, client, None) for is_read, of in zip((True, False), shared, strict=True)
          for client, ports in of.items()),
        *((ports, is_read, client, part) for is_read, of in zip((True, False), own, strict=True)
          for (part, client), ports in of.items()),
    ]  # fmt: skip
    for cycle in range(cycles):
        drive: dict[Port, int] = {phase: cycle % SLOTS}
        for ports, is_read, client, part in clients:
            if rng.random() < 0.2:
                continue
            bank, line = (cycle + client) % SLOTS, rng.randrange(words // SLOTS)
            address = parts.place(rng.randrange(count) if part is None else part, SLOTS * line + bank)
            drive |= {ports["valid"]: 1, ports["line"]: address // SLOTS if part is None else line}
            if is_read:
                reads.append((cycle, ports["word"], address))
                continue
            word = rng.getrandbits(8 * side)
            drive[ports["word"]] = word
            written.write(cycle, address, word)
        drives.append(drive)
    drives += [{phase: (cycles + after) % SLOTS} for after in range(late)]
    words_out = [ports["word"] for ports in (*shared[0].values(), *own[0].values())]
    seen = simulate(buffer, drives, [port.signal for port in words_out])
    compared = 0
    for cycle, port, address in reads:
        word = written.read(cycle, address)
        assert word is None or seen[cycle + late][words_out.index(port)] == word, f"word {address} at cycle {cycle}"
        compared += word is not None
    return compared


@pytest.mark.parametrize(("count", "words"), [(1, 16), (2, 16), (3, 24)])
def test_all_clients_of_all_parts_at_once(count: int, words: int, seed: int) -> None:
    assert check(count, words, random.Random(seed), 150) > 100

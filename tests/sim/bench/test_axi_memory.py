"""The AXI memory: what a master must not do is told, each rule by its sentence."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest

from vitaccel_sim.bench.axi_memory import Behaviour, ReadMemory, WriteMemory
from vitaccel_sim.bench.axi_rules import Limits, RuleError

LIMITS = Limits(beat_bytes=8, longest_burst=16, outstanding=2)
BURST = (0x100, 1, 3, 1)
"""Address, length of two beats, size, INCR."""


def memory(kind: type[Any], behaviour: Behaviour | None = None) -> Any:
    return kind(limits=LIMITS, content=bytearray(4096), behaviour=behaviour or Behaviour(), rng=random.Random(1))


def told(part: Any, cycles: list[tuple[int, ...]]) -> str:
    """Return what is said when a master drives these values in these cycles."""
    with pytest.raises(RuleError) as error:
        follow(part, cycles)
    return str(error.value)


def follow(part: Any, cycles: list[tuple[int, ...]]) -> None:
    for cycle, values in enumerate(cycles):
        part.drive(cycle)
        part.sample(values, cycle)


@pytest.mark.parametrize(
    ("burst", "message"),
    [
        ((0x104, 1, 3, 1), "AR: a burst must begin with a whole beat, not at 0x104"),
        ((0x100, 16, 3, 1), "AR: a burst must have at most 16 beats, not 17"),
        ((0xFF8, 1, 3, 1), "AR: 2 beats at 0xff8 cross 4 KiB"),
        ((0x100, 1, 2, 1), "AR: a burst must be INCR and of 8 bytes, not 1 and 4"),
        ((0x100, 1, 3, 2), "AR: a burst must be INCR and of 8 bytes, not 2 and 8"),
    ],
)
def test_a_burst_that_is_not_legal(burst: tuple[int, ...], message: str) -> None:
    assert told(memory(ReadMemory), [(1, *burst, 1)]) == message


def test_what_is_offered_must_stay() -> None:
    slow = Behaviour(stall=1.0)
    changed = (BURST[0] + 8, *BURST[1:])
    assert told(memory(ReadMemory, slow), [(1, *BURST, 1), (0, *BURST, 1)]) == (
        "AR: valid fell before the word was accepted"
    )
    assert told(memory(ReadMemory, slow), [(1, *BURST, 1), (1, *changed, 1)]) == (
        "AR: the payload changed before the word was accepted"
    )
    beats = [(0, *BURST, 1, data, 0xFF, 0, 1) for data in (1, 2)]
    assert told(memory(WriteMemory, slow), beats) == "W: the payload changed before the word was accepted"


def test_bursts_too_many() -> None:
    late = Behaviour(latency=50)
    assert told(memory(ReadMemory, late), [(1, *BURST, 1)] * 3) == "AR: at most 2 bursts may be in flight, not 3"


def test_a_reader_must_be_ready() -> None:
    stalled = (0, *BURST, 0)
    message = "R: a master that asks only for what it has room for must be ready"
    assert told(memory(ReadMemory), [(1, *BURST, 1), *[stalled] * 9]) == message


@pytest.mark.parametrize(
    ("lasts", "message"),
    [((1,), "W: WLAST with beat 1 of a burst of 2"), ((0, 0), "W: no WLAST with beat 2 of a burst")],
)
def test_wlast_at_the_wrong_beat(lasts: tuple[int, ...], message: str) -> None:
    beats = [(0, *BURST, 1, 7, 0xFF, last, 1) for last in lasts]
    assert told(memory(WriteMemory), [(1, *BURST, 0, 0, 0, 0, 1), *beats]) == message


def test_bytes_without_strobe_stay() -> None:
    part = memory(WriteMemory)
    follow(part, [(1, 8, 0, 3, 1, 1, 0x0102030405060708, 0b10000001, 1, 1)])
    assert part.content[8:16] == bytes([8, 0, 0, 0, 0, 0, 0, 1])
    assert re.fullmatch("0*", part.content[:8].hex() + part.content[16:].hex())


def test_bandwidth_is_the_least_interval_of_beats() -> None:
    part = memory(ReadMemory, Behaviour(latency=2, interval=3))
    offered = []
    for cycle in range(20):
        offered.append(part.drive(cycle)["rvalid"])
        part.sample((int(cycle == 0), 0, 2, 3, 1, 1), cycle)
    assert [cycle for cycle, valid in enumerate(offered) if valid] == [2, 5, 8]

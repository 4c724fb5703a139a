"""Cycles of transfers that are remembered: what would be computed."""

from __future__ import annotations

import random

import pytest

from tests.rtl.accelerator.transfer_bench import random_transfer
from vitaccel_rtl.accelerator.remembered import RememberingEngine
from vitaccel_rtl.accelerator.transfer import ACTIVATION, PARAMETER, TABLE, WEIGHT
from vitaccel_rtl.accelerator.transfer_timing import LoadTimes, StoreTimes


def engine(kind: str, side: int, beat_bytes: int, *, remembers: bool) -> RememberingEngine:
    dma = {"beat_bytes": beat_bytes, "align_bytes": side, "burst_beats": 16, "outstanding": 8, "latency_cycles": 30}
    if kind == "load":
        return LoadTimes(side=side, dma=dma | {"buffer_beats": 128}, remembers=remembers)
    return StoreTimes(side=side, dma=dma, remembers=remembers)


@pytest.mark.parametrize("kind", ["load", "store"])
@pytest.mark.parametrize(("side", "beat_bytes"), [(4, 4), (5, 8), (8, 16), (16, 8), (32, 64)])
def test_what_is_remembered_is_what_would_be_computed(kind: str, side: int, beat_bytes: int, seed: int) -> None:
    rng = random.Random(seed)
    buffers = (ACTIVATION, WEIGHT, PARAMETER, TABLE) if kind == "load" else (ACTIVATION,)
    some = [random_transfer(rng, side, buffer) for buffer in buffers * 2]
    remembering, computing = (engine(kind, side, beat_bytes, remembers=each) for each in (True, False))
    offered = 0
    for _ in range(150):
        transfer = rng.choice(some)
        ready = remembering.ready
        times = remembering.times_of(transfer, offered)
        assert times.accepted == -(-max(offered, ready) // 8) * 8
        assert times == computing.times_of(transfer, offered)
        offered = times.accepted + 1 + rng.choice((0, 0, 0, rng.randrange(300)))


def test_what_is_over_makes_no_difference() -> None:
    """A transfer behind others that are over takes what the first one took, and is not computed again."""
    times = engine("load", 8, 16, remembers=True)
    transfer = random_transfer(random.Random(0), 8, WEIGHT)
    first = times.times_of(transfer, 0)
    number = times._number
    assert times.times_of(transfer, 100_003) == (100_008, 100_008 + first.done)
    assert times._number == number

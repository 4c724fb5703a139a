"""Loads burst by burst: in every state what they are word by word, and the same state behind them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.rtl.accelerator.transfer_bench import random_transfer
from vitaccel_rtl.accelerator import transfer_timing, unstalled_reader
from vitaccel_rtl.accelerator.transfer import ACTIVATION, PARAMETER, TABLE, WEIGHT, Transfer
from vitaccel_rtl.accelerator.transfer_timing import LoadTimes
from vitaccel_rtl.dma_timing import Job, word_beats


def some_load(rng: random.Random, side: int) -> Transfer:
    """A row for the weight buffer, rows for banks that take turns or not, or anything."""
    kind = rng.choice(("weights", "weights", "activations", "any"))
    if kind == "any":
        return random_transfer(rng, side, rng.choice((ACTIVATION, WEIGHT, PARAMETER, TABLE)))
    dram = rng.choice((rng.randrange(9000), 64 * rng.randrange(100)))
    if kind == "weights":
        row_bytes = rng.randrange(1, 2000)
        return Transfer(dram=dram, buffer=WEIGHT, row_bytes=row_bytes, stride_bytes=row_bytes)
    row_bytes = rng.randrange(1, 300)
    words = -(-row_bytes // side)
    return Transfer(
        dram=dram,
        address=rng.randrange(60),
        rows=rng.choice((1, 1, 2, 5)),
        row_bytes=row_bytes,
        stride_bytes=row_bytes + rng.choice((0, 0, 16, 5)),
        step=rng.choice((words, words + 8, rng.randrange(20))),
    )


@pytest.mark.parametrize("side", [4, 5, 8, 32])
@pytest.mark.parametrize("beat_bytes", [4, 16])
@pytest.mark.parametrize(("burst_beats", "outstanding"), [(1, 4), (4, 2), (16, 8), (64, 1)])
def test_bursts_take_what_their_words_take(
    side: int, beat_bytes: int, burst_beats: int, outstanding: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    dma = {"beat_bytes": beat_bytes, "align_bytes": 1, "burst_beats": burst_beats, "outstanding": outstanding}
    dma |= {"latency_cycles": rng.choice((1, 30, 133)), "buffer_beats": max(3, burst_beats * outstanding)}
    taken = []

    def counted(*told: Any) -> Any:
        taken.append(told)
        return unstalled_reader.read_unstalled(*told)

    monkeypatch.setattr(transfer_timing, "read_unstalled", counted)
    by_bursts, by_words = (LoadTimes(side=side, dma=dma, remembers=False, by_bursts=each) for each in (True, False))
    offered = 0
    for _ in range(20):
        transfer = some_load(rng, side)
        times = by_bursts.times_of(transfer, offered)
        assert times == by_words.times_of(transfer, offered)
        assert by_bursts.since(times.accepted) == by_words.since(times.accepted)
        offered = times.accepted + 1 + rng.choice((0, 0, 0, rng.randrange(600)))
    assert taken, "some loads are computed by bursts"


def test_moves_of_a_row() -> None:
    """Words of 4 bytes in beats of 8, the first in the middle of one; and of 8 bytes in beats of 4."""
    narrow = unstalled_reader.moves_of(Job(address=4, row_bytes=12, stride_bytes=12), beat_bytes=8, word_bytes=4)
    assert narrow == ([0, 1], 1, (0, 1, 2), (0, 1, 2))
    wide = unstalled_reader.moves_of(Job(address=0, row_bytes=80, stride_bytes=80), beat_bytes=4, word_bytes=8)
    assert wide == (range(20), 1, tuple(range(1, 17, 2)), tuple(range(5, 20, 2)))


@pytest.mark.parametrize(("beat_bytes", "word_bytes"), [(16, 4), (16, 8), (8, 8), (4, 8), (4, 32)])
def test_moves_of_an_aligned_row_are_those_of_its_words(beat_bytes: int, word_bytes: int) -> None:
    for row_bytes in (*range(1, 140), 8 * word_bytes * beat_bytes):
        moves = unstalled_reader.moves_of(
            Job(address=0, row_bytes=row_bytes, stride_bytes=row_bytes), beat_bytes=beat_bytes, word_bytes=word_bytes
        )
        beats: list[int] = []
        ends: list[int] = []
        for needed, _ in word_beats(Job(address=0, row_bytes=row_bytes), beat_bytes=beat_bytes, word_bytes=word_bytes):
            at = ends[-1] + 1 if ends else 0
            beats += range(at, at + needed)
            ends.append(at + max(needed, 1) - 1)
        assert (list(moves.beats), moves.first, moves.last) == (beats, tuple(ends[:8]), tuple(ends[-8:]))

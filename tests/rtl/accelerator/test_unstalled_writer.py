"""Stores burst by burst: in every state what they are word by word, and the same state behind them."""

from __future__ import annotations

import random
from typing import Any

import pytest

from vitaccel_rtl.accelerator import transfer_timing, unstalled_writer
from vitaccel_rtl.accelerator.transfer import Transfer
from vitaccel_rtl.accelerator.transfer_timing import StoreTimes
from vitaccel_rtl.dma_timing import Job


def some_store(rng: random.Random, side: int) -> Transfer:
    row_bytes = rng.choice((rng.randrange(1, 300), rng.randrange(1, 2000)))
    words = -(-row_bytes // side)
    return Transfer(
        dram=rng.choice((rng.randrange(9000), 64 * rng.randrange(100))),
        address=rng.randrange(60),
        rows=rng.choice((1, 1, 2, 5)),
        row_bytes=row_bytes,
        stride_bytes=row_bytes + rng.choice((0, 0, 16, 5)),
        step=rng.choice((words, words + 8, rng.randrange(20))),
    )


@pytest.mark.parametrize(("side", "beat_bytes"), [(4, 4), (4, 16), (5, 8), (8, 16), (16, 16), (32, 16)])
@pytest.mark.parametrize(("burst_beats", "outstanding"), [(1, 4), (4, 2), (64, 8)])
def test_bursts_take_what_their_words_take(
    side: int, beat_bytes: int, burst_beats: int, outstanding: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    dma = {"beat_bytes": beat_bytes, "align_bytes": 1, "burst_beats": burst_beats, "outstanding": outstanding}
    dma |= {"latency_cycles": rng.choice((1, 30, 133))}
    done = []

    def counted(*told: Any) -> bool:
        done.append(unstalled_writer.write_unstalled(*told))
        return bool(done[-1])

    monkeypatch.setattr(transfer_timing, "write_unstalled", counted)
    by_bursts, by_words = (StoreTimes(side=side, dma=dma, remembers=False, by_bursts=each) for each in (True, False))
    offered = 0
    for _ in range(20):
        transfer = some_store(rng, side)
        times = by_bursts.times_of(transfer, offered)
        assert times == by_words.times_of(transfer, offered)
        assert by_bursts.since(times.accepted) == by_words.since(times.accepted)
        offered = times.accepted + 1 + rng.choice((0, 0, 0, rng.randrange(600)))
    assert done, "some stores are for banks that take turns"
    assert any(done) or side > beat_bytes or outstanding * burst_beats <= 8, "some are computed by bursts"


def test_words_that_complete_beats() -> None:
    sizes = {"beat_bytes": 8, "word_bytes": 4}
    assert unstalled_writer.completions_of(Job(address=4, row_bytes=16, stride_bytes=16), **sizes) == (0, 2, 3)
    assert unstalled_writer.completions_of(Job(address=0, row_bytes=16, stride_bytes=16), **sizes) == range(1, 4, 2)
    assert unstalled_writer.completions_of(Job(address=0, row_bytes=12, stride_bytes=12), **sizes) == (1, 2)
    sizes = {"beat_bytes": 4, "word_bytes": 8}
    assert unstalled_writer.completions_of(Job(address=0, row_bytes=16, stride_bytes=16), **sizes) is None

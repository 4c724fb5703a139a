"""Transfers in parts: the same words and bursts, and nothing where words and bursts have no end in common."""

from __future__ import annotations

import random

from vitaccel_rtl.accelerator.transfer import Transfer
from vitaccel_rtl.dma_timing import bursts_of_run


def bursts(transfer: Transfer, beat_bytes: int, burst_beats: int) -> list[int]:
    return list(bursts_of_run(transfer.dram, transfer.row_bytes, beat_bytes=beat_bytes, burst_beats=burst_beats))


def test_parts_are_the_bursts_and_words_of_the_whole(seed: int) -> None:
    rng = random.Random(seed)
    parted = 0
    for _ in range(300):
        side, beat_bytes, burst_beats = rng.choice((4, 5, 8, 16)), rng.choice((4, 16)), rng.choice((1, 4, 64))
        row_bytes = rng.randrange(1, 5000)
        whole = Transfer(dram=rng.randrange(9000), address=7, row_bytes=row_bytes, stride_bytes=row_bytes)
        part, rest = whole.parted(side, beat_bytes=beat_bytes, burst_beats=burst_beats)
        if rest is None:
            assert part is whole
            continue
        parted += 1
        assert [*part.addresses(side), *rest.addresses(side)][1:] == [
            (address, address == rest.address) for address, _ in list(whole.addresses(side))[1:]
        ]
        split = bursts(part, beat_bytes, burst_beats), bursts(rest, beat_bytes, burst_beats)
        assert split[0] + split[1] == bursts(whole, beat_bytes, burst_beats)
        assert rest.dram % beat_bytes == 0
    assert parted > 50


def test_what_cannot_be_parted() -> None:
    cuts = {"beat_bytes": 16, "burst_beats": 64}
    rows = Transfer(dram=0, rows=3, row_bytes=4096, stride_bytes=5000)
    assert rows.parted(8, **cuts) == (rows, None)
    odd = Transfer(dram=8, row_bytes=1500, stride_bytes=1500)
    assert odd.parted(5, **cuts) == (odd, None)

"""The queue beside the tiles: the oldest word stands at its head, at once and until it is popped."""

from __future__ import annotations

import random
from collections import deque

from tests.rtl.accelerator.part_bench import watch
from vitaccel_rtl.accelerator.tile_queue import DEPTH, TileQueue


def test_words_stand_at_the_head_in_order_however_many_wait(seed: int) -> None:
    rng = random.Random(seed)
    waiting: deque[int] = deque()
    drives, heads, most = [], [], 0
    for cycle in range(400):
        heads.append(waiting[0] if waiting else None)
        drive = {}
        fills = cycle % 40 < 20
        if len(waiting) < DEPTH and rng.random() < (0.8 if fills else 0.2):
            drive |= {"push": 1, "word": rng.randrange(1 << 12)}
        if waiting and rng.random() < (0.2 if fills else 0.8):
            drive |= {"pop": 1}
            waiting.popleft()
        if "push" in drive:
            waiting.append(drive["word"])
        most = max(most, len(waiting))
        drives.append(drive)
    seen = watch(TileQueue(12), drives, ["head"])
    assert most == DEPTH
    for cycle, ((head,), expected) in enumerate(zip(seen, heads, strict=True)):
        assert expected is None or head == expected, f"cycle {cycle}"

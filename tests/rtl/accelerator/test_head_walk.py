"""Row-blocks of heads of frames: which comes when, and the addresses that go along."""

from __future__ import annotations

import random

import pytest

from tests.rtl.accelerator.part_bench import watch
from vitaccel_rtl.accelerator.head_walk import HeadWalk
from vitaccel_rtl.accelerator.isa import WORD_ADDRESS

SEEN = ["address", "is_last_row", "is_last", "head"]


@pytest.mark.parametrize(("frames", "heads", "rows"), [(1, 1, 1), (2, 3, 4), (3, 1, 2), (1, 4, 1)])
def test_row_blocks_are_innermost_then_heads_then_frames(frames: int, heads: int, rows: int, seed: int) -> None:
    rng = random.Random(seed)
    moves = [{name: rng.randrange(1 << WORD_ADDRESS) for name in ("first", "row", "head", "frame")} for _ in range(2)]
    held = {"row_blocks": rows, "heads": heads, "frames": frames, "steps": moves}
    places = [(f, h, r) for f in range(frames) for h in range(heads) for r in range(rows)]
    # It stands where it is between steps, and a second walk begins as the first did.
    waits = [rng.randrange(3) for _ in places]
    once = [held | {"start": 1}]
    for wait in waits:
        once += [held] * wait + [held | {"step": 1}]
    seen = watch(HeadWalk(addresses=2), once + once, SEEN)
    for walk in (seen[: len(once)], seen[len(once) :]):
        at = 1
        for (f, h, r), wait in zip(places, waits, strict=True):
            expected = [
                (of["first"] + f * of["frame"] + h * of["head"] + r * of["row"]) % (1 << WORD_ADDRESS) for of in moves
            ]
            last_row, last = r == rows - 1, (f, h, r) == places[-1]
            for address, *rest in walk[at : at + wait + 1]:
                assert [*address] == expected
                assert rest == [last_row, last, h]
            at += wait + 1

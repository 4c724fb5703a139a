"""Row-blocks of logits: a run each, or one a frame through the parts that their tiles are in."""

from __future__ import annotations

import random

import pytest

from tests.rtl.accelerator.part_bench import watch
from tests.rtl.accelerator.parts_model import PartPlaces
from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.expert_logits import ExpertLogits
from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.latency import SLOTS


def seen(walk: ExpertLogits, fields: dict[str, int], frames: int) -> list[tuple[list[int], int]]:
    """For each frame the words of both planes that are read, and whether they end a row-block when they come."""
    cycles = SLOTS * frames + latency.READ_RUN
    drives = [{"job": fields, "phase": cycle % SLOTS, "start": cycle == SLOTS - 1} for cycle in range(SLOTS + cycles)]
    run = watch(walk, drives, ["fetch", "ends"])[SLOTS:]
    found = []
    for frame in range(frames):
        fetch, _ = run[SLOTS * frame]
        words = [*range(fetch.low, fetch.low + fetch.count), *range(fetch.high, fetch.high + fetch.count)]
        assert fetch.is_wide
        found.append((words, run[SLOTS * frame + latency.READ_RUN][1]))
    return found


@pytest.mark.parametrize(("side", "count"), [(5, 1), (5, 2), (8, 2), (8, 3), (12, 2), (16, 3)])
def test_words_of_row_blocks_in_order_and_their_ends(side: int, count: int, seed: int) -> None:
    rng, parts = random.Random(seed), Parts(count=count, words=1000)
    places = PartPlaces(parts, side)
    for experts in (1, 8, rng.randint(2, 32), 32):
        of_row = -(-experts // SLOTS)
        rows, interval, plane = rng.randint(1, 4), of_row + rng.randrange(3), -(-places.words_of(experts) // 8) * 8
        first = 8 * rng.randrange(20)
        fields = {"logits": first, "logits_step": 2 * plane, "logits_plane": plane, "row_blocks": rows,
                  "experts": experts, "interval": interval}  # fmt: skip
        found = seen(ExpertLogits(side=side, parts=parts), fields, rows * interval + 3)
        expected = [([], None)] * len(found)
        for row in range(rows):
            for chunk in range(of_row if count > 1 else 1):
                most = SLOTS if count > 1 else experts
                words = [places.of_word(first + 2 * plane * row, word) for word in range(experts)]
                words = words[chunk * most : (chunk + 1) * most]
                is_last = count == 1 or chunk == of_row - 1
                expected[row * interval + chunk] = ([*words, *(word + plane for word in words)], is_last)
        assert [words for words, _ in found] == [words for words, _ in expected]
        assert all(ends == is_last for (_, ends), (words, is_last) in zip(found, expected, strict=True) if words)

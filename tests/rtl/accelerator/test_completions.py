"""When instructions are done: in their order, one a frame at most, four cycles before what waits may start."""

from __future__ import annotations

import random

from tests.rtl.accelerator.part_bench import watch
from vitaccel_rtl.accelerator.completions import DONE_PHASE, Completions
from vitaccel_rtl.accelerator.tile_queue import DEPTH
from vitaccel_rtl.latency import SLOTS


def due_frames(pushes: list[tuple[int, int]]) -> list[int]:
    """Frames in which results are there: `max(frame + result, that of the one before + 1)`."""
    due: list[int] = []
    for frame, result in pushes:
        due.append(max(frame + result, due[-1] + 1 if due else 0))
    return due


def check(pushes: list[tuple[int, int]]) -> None:
    by_frame = dict(pushes)
    due = due_frames(pushes)
    drives = [
        {"phase": cycle % SLOTS}
        | ({"push": 1, "result": by_frame[cycle // SLOTS]} if cycle % SLOTS == 0 and cycle // SLOTS in by_frame else {})
        for cycle in range(SLOTS * (due[-1] + 3))
    ]
    done = [cycle for cycle, (is_done,) in enumerate(watch(Completions(), drives, ["done"])) if is_done]
    assert done == [SLOTS * (frame - 1) + DONE_PHASE for frame in due]


def test_done_comes_in_the_frame_before_the_result(seed: int) -> None:
    rng = random.Random(seed)
    pushes: list[tuple[int, int]] = []
    frame = 0
    for _ in range(40):
        frame += rng.choice([1, 1, 2, 3, 12])
        made = [*pushes, (frame, rng.choice([2, 3, 9]))]
        if sum(then > frame for then in due_frames(made)) <= DEPTH:
            pushes = made
    check(pushes)


def test_a_result_that_is_there_early_waits_for_the_one_before() -> None:
    check([(1, 9), (2, 2), (3, 2)])
    assert due_frames([(1, 9), (2, 2), (3, 2)]) == [10, 11, 12]

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile
from tests.rtl.streams_bench import Source, exchange
from vitaccel_rtl.queue_filling import QueueFilling
from vitaccel_rtl.queue_memory import QueueShape
from vitaccel_sim.traffic.routing import RoutingJob, random_job

LANES = 4
SIZES = {"lanes": LANES, "row_blocks": 9, "tokens": 9, "experts": 5, "k": 3, "fraction_bits": 8}
SHAPE = QueueShape(rows=36, tokens=9, experts=5, k=3)
UNLIMITED = 15


def fill(
    jobs: list[RoutingJob], profile: Profile = FULL_SPEED, seed: int = 0, held_until: int = 0
) -> tuple[Source, Source, dict[str, list[Any]]]:
    """Return the ends of both streams, and what was said in which cycle; a job is held back until one cycle."""
    block = QueueFilling(SHAPE, lanes=LANES)
    said: dict[str, list[Any]] = {"forget": [], "add": [], "done": [], "limits": []}

    def watch(ctx: Any, cycle: int) -> None:
        ctx.set(block.free, cycle >= held_until)
        for name in ("forget", "done"):
            if ctx.get(getattr(block, name)):
                said[name].append(cycle)
        if ctx.get(block.forget):
            said["limits"].append((ctx.get(block.limit), ctx.get(block.by_rank)))
        if ctx.get(block.add):
            entry = block.add_entry
            names = (block.add_expert, block.add_rank, block.add_list, block.add_token, entry.row, entry.score)
            said["add"].append((cycle, *(ctx.get(name) for name in names)))

    fields = SHAPE.job.members
    given = Source([job.job(fields) for job in jobs], profile)
    words = Source([word for job in jobs for word in job.choice_words()], profile)
    exchange(block, [(block.job, given), (block.i, words)], [], seed=seed, watch=watch)
    return given, words, said


def entries_of(job: RoutingJob) -> list[tuple[int, ...]]:
    """Expert, rank, list, token, row and score of every choice, token after token."""
    found = []
    frame_rows = -(-job.frame_tokens // LANES) * LANES
    for token in range(job.tokens):
        frame, place = divmod(token, job.frame_tokens)
        for rank in range(job.k):
            expert = int(job.choices[token, rank])
            into = expert << SHAPE.rank_bits | (rank if job.order == "choice" else 0)
            found.append((expert, rank, into, token, frame * frame_rows + place, int(job.scores[token, rank])))
    return found


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_a_choice_is_appended_in_the_cycle_after_its_acceptance(profile: Profile, seed: int) -> None:
    rng = random.Random(seed)
    jobs = [random_job(SIZES, rng) for _ in range(4)]
    given, words, said = fill(jobs, profile, seed)
    expected = [entry for job in jobs for entry in entries_of(job)]
    assert said["add"] == [(cycle + 1, *entry) for cycle, entry in zip(words.accepted, expected, strict=True)]
    assert said["forget"] == [cycle + 1 for cycle in given.accepted]
    assert said["limits"] == [(job.capacity or UNLIMITED, int(job.order == "choice")) for job in jobs]
    ends, place = [], 0
    for job in jobs:
        place += job.tokens * job.k
        ends.append(words.accepted[place - 1] + 2)
    assert said["done"] == ends


def test_a_job_waits_for_the_one_before_and_until_it_may_begin(seed: int) -> None:
    """It is taken in the first cycle that is free; the next one after the cycle in which the last entry is kept."""
    rng = random.Random(seed)
    jobs = [random_job(SIZES, rng) for _ in range(2)]
    given, words, said = fill(jobs, held_until=7)
    assert given.accepted == [7, said["done"][0] + 1]
    assert words.accepted[0] == 8


def test_a_frame_starts_a_row_block(seed: int) -> None:
    rows = [
        entry[-2]
        for _, *entry in fill([random_job(SIZES, random.Random(seed), tokens=9, frame_tokens=3, k=1)])[2]["add"]
    ]
    assert rows == [0, 1, 2, 4, 5, 6, 8, 9, 10]

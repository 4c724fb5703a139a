"""Plans of words: where each begins and ends in its beats, one a cycle."""

from __future__ import annotations

import pytest

from tests.rtl.dma_bench import POINTS, plans_of
from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, run
from tests.rtl.test_bursts import jobs_of
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_timing import Job, word_beats
from vitaccel_rtl.word_plan import WordPlan


@pytest.mark.parametrize("profile", PROFILES[::4], ids=str)
@pytest.mark.parametrize("point", POINTS[1::2], ids=str)
def test_plans_of_every_word(point: dict[str, int], profile: Profile, seed: int) -> None:
    geometry = Geometry(**point)
    jobs = jobs_of(geometry, seed)[:6]
    expected = plans_of(jobs, geometry)
    assert run(WordPlan(geometry), [vars(job) for job in jobs], len(expected), profile, seed).words == expected


def test_its_latency_and_a_plan_a_cycle() -> None:
    geometry = Geometry(data_bits=64, word_bytes=8)
    jobs = [Job(address=0, rows=12, row_bytes=8, stride_bytes=24), Job(address=64, row_bytes=100)]
    plan, count = WordPlan(geometry), 12 + 13
    result = run(plan, [vars(job) for job in jobs], count, FULL_SPEED)
    first = result.accepted[0] + plan.latency_cycles
    assert result.offered == list(range(first, first + count))


@pytest.mark.parametrize("point", POINTS, ids=str)
def test_the_declared_beats_of_words_are_those_planned(point: dict[str, int], seed: int) -> None:
    """What cycles are declared from: a word's new beats are its span and the one it begins, or the one it ends."""
    geometry = Geometry(**point)
    sizes = {"beat_bytes": geometry.beat_bytes, "word_bytes": geometry.word_bytes}
    for job in jobs_of(geometry, seed):
        planned = [(plan["span"] + plan["begins"], plan["span"] + plan["ends"]) for plan in plans_of([job], geometry)]
        assert list(word_beats(job, **sizes)) == planned

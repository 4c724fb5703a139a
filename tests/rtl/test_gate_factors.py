# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Factors of a block are scores times the multiplier of their queue, a lane each, and a block is made in P cycles."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Sequence

import pytest

from tests.rtl.queue_bench import Memory, QueueRun, run_queues
from tests.rtl.stream_bench import FULL_SPEED, PROFILES, Profile, refuses
from vitaccel_rtl.gate_factors import GateFactors
from vitaccel_rtl.lint import lint
from vitaccel_rtl.verilog import to_verilog
from vitaccel_sim.bench.routed import MULTIPLIERS, SCORES, RoutedJob, random_job


def blocks(jobs: Sequence[RoutedJob], side: int) -> list[tuple[list[int], int]]:
    return [
        ([job.scores[entry] * job.multiplier for entry in block], job.shift)
        for job in jobs
        for block in job.blocks(side)
    ]


def factors(
    block: GateFactors, jobs: Sequence[RoutedJob], side: int, profile: Profile = FULL_SPEED, seed: int = 0
) -> QueueRun:
    streams = {"job": [job.scale for job in jobs], "entry": [score for job in jobs for score in job.scores]}
    return run_queues(block, streams, Memory({}), len(blocks(jobs, side)), profile, seed)


def seen(jobs: Sequence[RoutedJob], side: int, result: QueueRun) -> list[tuple[list[int], int]]:
    """Leave out lanes that no entry has."""
    counts = [len(block) for job in jobs for block in job.blocks(side)]
    return [(word["factors"][:count], word["shift"]) for word, count in zip(result.words, counts, strict=True)]


@pytest.mark.parametrize("side", [2, 3, 4, 8, 16])
@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_factors_of_queues_of_every_length(side: int, profile: Profile, seed: int) -> None:
    rng = random.Random(seed)
    jobs = [random_job(rng, side, count) for count in (0, 1, side - 1, side, side + 1, 37, 0, 2)]
    assert seen(jobs, side, factors(GateFactors(side=side), jobs, side, profile, seed)) == blocks(jobs, side)


def extreme_jobs(seed: int) -> list[RoutedJob]:
    job = dataclasses.replace(random_job(random.Random(seed), 4, len(SCORES)), scores=SCORES, shift=47)
    return [dataclasses.replace(job, multiplier=multiplier) for multiplier in MULTIPLIERS]


def test_the_extremes(seed: int) -> None:
    jobs = extreme_jobs(seed)
    assert seen(jobs, 4, factors(GateFactors(side=4), jobs, 4)) == blocks(jobs, 4)


@pytest.mark.parametrize("side", [2, 3, 4, 8])
def test_a_score_a_cycle_and_the_declared_latency(side: int, seed: int) -> None:
    rng = random.Random(seed)
    jobs = [random_job(rng, side, 3 * side), random_job(rng, side, 2 * side)]
    block = GateFactors(side=side)
    result = factors(block, jobs, side)
    assert result.offered[0] - result.accepted["entry"][side - 1] == block.latency_cycles
    assert [b - a for a, b in itertools.pairwise(result.offered)] == [side] * 4
    assert [b - a for a, b in itertools.pairwise(result.accepted["entry"])] == [1] * (5 * side - 1)


def test_factors_that_are_a_bit_too_narrow_are_found(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = extreme_jobs(seed)
    monkeypatch.setattr("vitaccel_rtl.gate_factors.GATE_FACTOR_BITS", 33)
    assert seen(jobs, 4, factors(GateFactors(side=4), jobs, 4)) != blocks(jobs, 4)


def test_verilog_is_clean() -> None:
    assert lint(to_verilog(GateFactors(side=5), name="gate_factors")) == ()


def test_impossible_parameters_are_refused() -> None:
    refuses("side of a queue must be an integer from 2 to 64, not 1", GateFactors, side=1)
    refuses("entry_bits of a queue must be an integer from 1 to 24, not 0", GateFactors, side=4, entry_bits=0)

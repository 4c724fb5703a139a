# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a bench may run on what was elaborated before)
"""The cocotb bench of a scatter-add on the real one, with every bin it declares, and with a wrong bit."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

import pytest

from vitaccel_rtl import latency
from vitaccel_rtl.scatter_add import ScatterAdd
from vitaccel_sim.bench.routed import (
    HIGHEST,
    LOWEST,
    RoutedJob,
    add,
    lengths_met,
    random_buffer,
    random_job,
    result_words,
    sums_met,
)
from vitaccel_sim.bench.routed_exchange import routed_parameters
from vitaccel_sim.bench.scatter_add import declared
from vitaccel_sim.cocotb_runner import run_bench

MODULE = "vitaccel_sim.bench.scatter_add"
ANSWER = 3
WIDTHS = {"address_bits": 8, "tile_bits": 2, "entry_bits": 6}
"""As much as these queues need, so that every bit moves."""


def parameters(block: ScatterAdd, side: int, seed: int) -> dict[str, Any]:
    rng = random.Random(seed)
    lengths = (side + 1, 0, 1, side - 1, side)
    short = [random_job(rng, side, length, tiles=tiles) for length, tiles in zip(lengths, (2, 1, 3, 1, 1), strict=True)]
    # The second of two jobs on the same rows, and both saturations.
    again = dataclasses.replace(short[-1], rows=short[-1].rows[::-1], multiplier=-(1 << 17), shift=0)
    again = dataclasses.replace(
        again, scores=[0, *[65535] * (side - 1)], results=[[LOWEST, HIGHEST] + [0] * (side - 2)] * side
    )
    short.append(again)
    long = [random_job(rng, side, length) for length in (37, 0, 2, 3 * side)]
    cycles = [latency.queue_slots(len(job.rows), job.tiles, side) for job in short]
    cycles = [
        slots + latency.scatter_add(side, len(job.rows)) if slots else 1
        for slots, job in zip(cycles, short, strict=True)
    ]
    return {
        "short": run(block, short, side, rng),
        "long": run(block, long, side, rng),
        "answer": ANSWER,
        "cycles": sum(cycles),
    }


def run(block: ScatterAdd, jobs: Sequence[RoutedJob], side: int, rng: random.Random) -> dict[str, Any]:
    buffer = random_buffer(rng, jobs, side, 16)
    sums = dict(buffer)
    return routed_parameters(
        block,
        streams={
            "job": [{**job.walk, **job.scale} for job in jobs],
            "entry": [entry for job in jobs for entry in job.entries],
            "i": [word for job in jobs for word in result_words(job, side, beyond=HIGHEST)],
        },
        memory=buffer,
        output="write",
        expected=[word for job in jobs for word in add(job, sums, side)],
        met=lengths_met(jobs, side) + sums_met(jobs, buffer, side),
    )


@pytest.mark.parametrize("side", [4, pytest.param(5, marks=pytest.mark.full)])
def test_a_scatter_add_equals_its_reference_in_every_bin(side: int, seed: int) -> None:
    block = ScatterAdd(side=side, **WIDTHS)
    result = run_bench(block, MODULE, name=f"scatter_add_{side}", seed=seed, parameters=parameters(block, side, seed))
    result.check()
    coverage = declared()
    coverage.add(result.coverage)
    assert coverage.missed == ()


def test_one_wrong_bit_of_an_expected_sum_is_found(seed: int) -> None:
    block = ScatterAdd(side=4, **WIDTHS)
    wrong = parameters(block, 4, seed)
    wrong["short"]["expected"][-1] ^= 1 << wrong["short"]["address_bits"]
    test = "equal_words_under_every_pair_of_profiles"
    result = run_bench(block, MODULE, name="scatter_add_4", seed=seed, parameters=wrong, testcase=test)
    with pytest.raises(AssertionError, match=f"with seed {result.seed}: {test}: .*must be 0x"):
        result.check()

# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a bench may run on what was elaborated before)
"""The cocotb bench of a gather on the real one, with every bin it declares, and with a wrong bit."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from vitaccel_rtl import latency
from vitaccel_rtl.gather import Gather
from vitaccel_sim.bench.gather import declared
from vitaccel_sim.bench.routed import RoutedJob, gathered, lengths_met, random_buffer, random_job
from vitaccel_sim.bench.routed_exchange import routed_parameters
from vitaccel_sim.cocotb_runner import run_bench

MODULE = "vitaccel_sim.bench.gather"
ANSWER = 3
WIDTHS = {"address_bits": 8, "tile_bits": 2, "entry_bits": 6}
"""As much as these queues need, so that every bit moves."""


def parameters(block: Gather, side: int, seed: int) -> dict[str, Any]:
    rng = random.Random(seed)
    lengths = (side + 1, 0, 1, side - 1, side)
    short = [random_job(rng, side, length, tiles=tiles) for length, tiles in zip(lengths, (2, 1, 3, 1, 1), strict=True)]
    long = [random_job(rng, side, length) for length in (37, 0, 2, 3 * side)]
    slots = sum(latency.queue_slots(len(job.rows), job.tiles, side) for job in short)
    return {
        "short": run(block, short, side, rng),
        "long": run(block, long, side, rng),
        "answer": ANSWER,
        "cycles": slots + latency.gather(side, ANSWER),
    }


def run(block: Gather, jobs: Sequence[RoutedJob], side: int, rng: random.Random) -> dict[str, Any]:
    buffer = random_buffer(rng, jobs, side, 8)
    return routed_parameters(
        block,
        streams={"job": [job.walk for job in jobs], "entry": [row for job in jobs for row in job.rows]},
        memory=buffer,
        output="o",
        expected=[word for job in jobs for word in gathered(job, buffer, side)],
        met=lengths_met(jobs, side),
    )


@pytest.mark.parametrize("side", [4, pytest.param(5, marks=pytest.mark.full)])
def test_a_gather_equals_its_reference_in_every_bin(side: int, seed: int) -> None:
    block = Gather(side=side, **WIDTHS)
    result = run_bench(block, MODULE, name=f"gather_{side}", seed=seed, parameters=parameters(block, side, seed))
    result.check()
    coverage = declared()
    coverage.add(result.coverage)
    assert coverage.missed == ()


def test_one_wrong_bit_in_the_memory_is_found(seed: int) -> None:
    block = Gather(side=4, **WIDTHS)
    wrong = parameters(block, 4, seed)
    wrong["short"]["memory"][-1][1] ^= 1
    test = "equal_words_under_every_pair_of_profiles"
    result = run_bench(block, MODULE, name="gather_4", seed=seed, parameters=wrong, testcase=test)
    with pytest.raises(AssertionError, match=f"with seed {result.seed}: {test}: .*must be 0x"):
        result.check()

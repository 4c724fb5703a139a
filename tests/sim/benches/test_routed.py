# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: parameters are made of components that are not run)
"""Queues that are drawn fit the widths of a block, and reach all over its buffer."""

from __future__ import annotations

import random
from typing import Any

import pytest

from vitaccel.backends.rtl.blocks.routed import GATHER, OPTIONS, SCATTER_ADD
from vitaccel_sim.bench.routed import HIGHEST, LOWEST, sums_met
from vitaccel_sim.benches.routed import both_saturations, gather_parameters, jobs_of, scatter_parameters


def some_options(rng: random.Random) -> dict[str, int]:
    return {option.name: rng.choice((option.least, option.default, option.most)) for option in OPTIONS}


@pytest.mark.parametrize("trial", range(12))
def test_jobs_fit_any_widths(trial: int, seed: int) -> None:
    rng = random.Random(f"{seed} {trial}")
    options = some_options(rng)
    short, long = jobs_of(options, rng)
    for job in (*short, *long):
        assert len(job.rows) < 1 << options["entry_bits"]
        assert 1 <= job.tiles < 1 << options["tile_bits"]
        assert job.address + job.tiles * job.step <= 1 << options["address_bits"]
        assert job.address + (job.tiles - 1) * job.step + max(job.rows, default=0) < 1 << options["address_bits"]


def test_rows_are_all_over_the_buffer(seed: int) -> None:
    options = {"side": 8, "address_bits": 16, "tile_bits": 2, "entry_bits": 6, "in_flight": 16}
    short, long = jobs_of(options, random.Random(seed))
    places = [place for job in (*short, *long) for place in job.places(8)]
    assert all(any(place >> bit & 1 for place in places) for bit in range(16))
    assert all(any(not place >> bit & 1 for place in places) for bit in range(16))


@pytest.mark.parametrize("side", [2, 5])
def test_a_job_saturates_both_ways(side: int, seed: int) -> None:
    options = {"side": side, "address_bits": 8, "tile_bits": 2, "entry_bits": 6, "in_flight": 16}
    short, _ = jobs_of(options, random.Random(seed))
    job = both_saturations(short[-1], side)
    met = sums_met([short[-1], job], {place: [0] * side for place in job.places(side)}, side)
    assert all(met[name] for name in ("saturated above", "saturated below", "a row of the job before", "no shift"))
    assert {LOWEST, HIGHEST} <= {number for row in job.results for number in row}


@pytest.mark.parametrize(
    ("block", "make", "cycles"), [(GATHER, gather_parameters, 2), (SCATTER_ADD, scatter_parameters, 2)]
)
def test_a_buffer_answers_no_later_than_reads_may_be_under_way(block: Any, make: Any, cycles: int, seed: int) -> None:
    options = block.choose({"side": 2, "in_flight": 3})
    assert make(block.component(**options), options, seed)["answer"] == cycles
    assert make(block.component(**options), {**options, "in_flight": 16}, seed)["answer"] == 3

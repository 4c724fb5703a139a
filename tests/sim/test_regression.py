"""Every block in cocotb, on Verilator always, on Icarus where it is installed."""

from __future__ import annotations

import shutil

import pytest

from vitaccel.backends.rtl.catalog import BLOCKS
from vitaccel_sim.benches.catalog import BENCHES
from vitaccel_sim.regression import points_of, run_block
from vitaccel_sim.traffic.catalog import TRAFFIC

SEEDS_OF_A_CAMPAIGN = 5

FIRST, SECOND = 0, 1
"""Points of blocks with a bench of their own, where each is a build and a simulation; ``--full`` runs all in both."""

STREAMS_ON_ICARUS = (0,)
"""The point of stream blocks on Icarus; Verilator runs all, and with ``--full`` Icarus does too."""

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is optional: vitaccel doctor")


@pytest.mark.parametrize("name", TRAFFIC)
def test_equal_words_and_every_bin_on_verilator(name: str, seed: int) -> None:
    run_block(name, seed=seed).check()


@needs_icarus
@pytest.mark.parametrize("name", TRAFFIC)
def test_equal_words_and_no_x_on_icarus(name: str, seed: int) -> None:
    run_block(name, seed=seed, simulator="icarus", points=STREAMS_ON_ICARUS).check()


@pytest.mark.full
@needs_icarus
@pytest.mark.parametrize("name", TRAFFIC)
def test_every_point_and_every_bin_on_icarus(name: str, seed: int) -> None:
    run_block(name, seed=seed, simulator="icarus").check()


@pytest.mark.parametrize("name", BENCHES)
def test_other_blocks_pass_and_hit_every_bin(name: str, seed: int, quick_simulator: str) -> None:
    """One point in one simulator, another in the other; bins are hit by the two of them."""
    first = run_block(name, seed=seed, points=(FIRST,))
    second = run_block(name, seed=seed, points=(SECOND,), simulator=quick_simulator)
    of_first = dict(first.coverage.hits)
    first.coverage.add(second.coverage.hits)
    second.coverage.add(of_first)
    first.check()
    second.check()


@pytest.mark.full
@pytest.mark.parametrize("name", BENCHES)
@pytest.mark.parametrize("simulator", ["verilator", pytest.param("icarus", marks=needs_icarus)])
def test_other_blocks_at_all_points(simulator: str, name: str, seed: int) -> None:
    run_block(name, seed=seed, simulator=simulator).check()


@pytest.mark.full
@pytest.mark.parametrize("campaign", range(SEEDS_OF_A_CAMPAIGN))
@pytest.mark.parametrize("name", BLOCKS)
def test_more_seeds(name: str, campaign: int, seed: int) -> None:
    run_block(name, seed=seed + 1 + campaign).check()


def test_a_failure_says_how_to_repeat_it(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitaccel_rtl.softmax.DROPPED_BITS", {8: 6, 12: 3, 16: 0})
    run = run_block("softmax-numerators", seed=seed, points=(0,), testcase="extremes", simulator="verilator")
    with pytest.raises(AssertionError) as caught:
        run.check()
    command = "python -m vitaccel_sim softmax-numerators --point 0 --simulator verilator"
    assert f"{command} --seed {run.result.seed} --waves build/softmax-numerators.vcd" in str(caught.value)
    assert "p0, cycle " in str(caught.value)


@pytest.mark.parametrize("name", ["fifo", "router"])
def test_a_point_that_is_not_there_is_refused(name: str) -> None:
    last = points_of(name)[-1]
    with pytest.raises(ValueError, match=f"^a point of block {name} must be from 0 to {last}, not {last + 1}$"):
        run_block(name, seed=0, points=(0, last + 1))

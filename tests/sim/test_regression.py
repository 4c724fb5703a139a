"""Every stream block of the library in cocotb, at all its points: on Verilator always, on Icarus where it is installed."""

from __future__ import annotations

import shutil

import pytest

from vitaccel_sim.regression import run_block
from vitaccel_sim.traffic.catalog import TRAFFIC

SEEDS_OF_A_CAMPAIGN = 5

needs_icarus = pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is optional: vitaccel doctor")


@pytest.mark.parametrize("name", TRAFFIC)
def test_equal_words_and_every_bin_on_verilator(name: str, seed: int) -> None:
    run_block(name, seed=seed).check()


@needs_icarus
@pytest.mark.parametrize("name", TRAFFIC)
def test_equal_words_and_no_x_on_icarus(name: str, seed: int) -> None:
    run_block(name, seed=seed, simulator="icarus").check()


@pytest.mark.full
@pytest.mark.parametrize("campaign", range(SEEDS_OF_A_CAMPAIGN))
@pytest.mark.parametrize("name", TRAFFIC)
def test_more_seeds(name: str, campaign: int, seed: int) -> None:
    run_block(name, seed=seed + 1 + campaign).check()


def test_a_failure_says_how_to_repeat_it(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vitaccel_rtl.softmax.DROPPED_BITS", {8: 6, 12: 3, 16: 0})
    run = run_block("softmax-numerators", seed=seed, point=0, testcase="extremes", simulator="verilator")
    with pytest.raises(AssertionError) as caught:
        run.check()
    command = "python -m vitaccel_sim softmax-numerators --point 0 --simulator verilator"
    assert f"{command} --seed {run.result.seed} --waves build/softmax-numerators.vcd" in str(caught.value)
    assert "p0, cycle " in str(caught.value)

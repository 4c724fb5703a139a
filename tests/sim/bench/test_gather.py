"""The cocotb bench of a gather: one wrong bit is found."""

from __future__ import annotations

import pytest

from vitaccel_sim.point_runs import parameters_of, run_point

TEST = "equal_words_under_every_pair_of_profiles"


def test_one_wrong_bit_in_the_memory_is_found(quick_simulator: str, seed: int) -> None:
    wrong = parameters_of("gather", 0, seed)
    for word in wrong["short"]["memory"]:
        word[1] ^= 1
    result = run_point("gather", 0, seed=seed, parameters=wrong, testcase=TEST, simulator=quick_simulator)
    with pytest.raises(AssertionError, match=f"with seed {result.seed}: {TEST}: .*must be 0x"):
        result.check()


def test_a_wrong_number_of_cycles_is_told(quick_simulator: str, seed: int) -> None:
    wrong = parameters_of("gather", 0, seed)
    wrong["cycles"] += 1
    result = run_point("gather", 0, seed=seed, parameters=wrong, testcase="declared_latency", simulator=quick_simulator)
    assert "queues must take" in result.failed["declared_latency"]

from __future__ import annotations

import numpy as np
import pytest

from vitaccel.evaluation.noise import NoiseSums


def test_parts_add_up_to_the_formula(rng: np.random.Generator) -> None:
    truth = rng.normal(3.0, 2.0, (7, 5, 4)).astype(np.float32)
    found = truth + rng.normal(0.0, 0.01, truth.shape)
    sums = NoiseSums()
    for part in (slice(0, 2), slice(2, 7)):
        sums.add(truth[part], found[part])
    expected = 10 * np.log10((truth.astype(np.float64) ** 2).sum() / ((truth - found) ** 2).sum())
    assert sums.sqnr_db == pytest.approx(expected, abs=1e-9)


def test_twice_the_error_is_six_decibels_less(rng: np.random.Generator) -> None:
    truth, error = rng.normal(size=(2, 100))
    sums = [NoiseSums(), NoiseSums()]
    for factor, one in enumerate(sums, 1):
        one.add(truth, truth + factor * error)
    assert sums[0].sqnr_db - sums[1].sqnr_db == pytest.approx(20 * np.log10(2))


def test_nothing_lost_and_nothing_there() -> None:
    same, silent = NoiseSums(), NoiseSums()
    same.add(np.ones(3), np.ones(3))
    silent.add(np.zeros(3), np.ones(3))
    assert same.sqnr_db == float("inf")
    assert silent.sqnr_db == float("-inf")


def test_large_float32_values_do_not_overflow() -> None:
    sums = NoiseSums()
    sums.add(np.full(4, 1e30, np.float32), np.full(4, 0.9e30, np.float32))
    assert sums.sqnr_db == pytest.approx(20, abs=1e-3)


def test_no_broadcasting() -> None:
    with pytest.raises(ValueError, match=r"must be compared with one of its shape \(2, 3\), not \(3,\)"):
        NoiseSums().add(np.ones((2, 3)), np.ones(3))

"""Steps are float32 numbers above zero; the grid rounds half up and saturates."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vitaccel.quantization.grid import base2_step, decibel, largest, signal_to_noise_db, step, to_grid


@pytest.mark.parametrize(("bits", "top"), [(4, 7), (8, 127), (16, 32767)])
def test_the_largest_integer_stands_for_the_limit(bits: int, top: int) -> None:
    assert largest(bits) == top
    assert step(3.0, bits) == float(np.float32(3.0 / top))


@pytest.mark.parametrize("limit", [0.0, 1e-40])
def test_a_range_of_nothing_has_a_step(limit: float) -> None:
    assert step(limit, 8) == float(np.float32(1 / 127))


@pytest.mark.parametrize("bits", [6, 8])
def test_a_base_2_step_is_a_fraction_of_a_factor_of_two(bits: int) -> None:
    assert math.exp(base2_step(bits) * 2**bits) == pytest.approx(2, rel=1e-6)
    assert base2_step(bits) == np.float32(base2_step(bits))


def test_halves_go_up_and_ends_saturate() -> None:
    values = np.array([-1.25, -0.75, -0.25, 0.25, 0.75, 1.25, 99, -99, np.inf, -np.inf])
    assert (to_grid(values, 0.5, -8, 7) / 0.5).tolist() == [-2, -1, 0, 1, 2, 3, 7, -8, 7, -8]


def test_a_scale_for_each_column() -> None:
    assert to_grid(np.array([[1.2, 1.2]]), np.array([1.0, 0.5]), -7, 7).tolist() == [[1.0, 1.0]]


def test_decibels() -> None:
    assert signal_to_noise_db(np.array([3.0, 4.0]), np.array([3.0, 4.5])) == pytest.approx(20.0)
    assert decibel(1.0, 0.0) == math.inf
    assert decibel(0.0, 1.0) == -math.inf

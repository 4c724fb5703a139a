"""The measure of a softmax: what it is on rows whose answer is known, and that its rows repeat."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest

from vitaccel.errors import NumericsError
from vitaccel.reference.certificate import rows as measuring
from vitaccel.reference.certificate.rows import RowErrors, Rows, Summary, gaussian_rows, measure, measure_all, settings

TWO = Rows(np.array([[0.0, log(3.0)], [0.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 2.0]]))


def test_the_truth_is_softmax() -> None:
    np.testing.assert_allclose(TWO.truth, [[0.25, 0.75], [0.5, 0.5]], rtol=1e-15)
    far = Rows(np.array([[1e4, -1e4]]), np.ones((2, 1)))
    assert far.truth.tolist() == [[1.0, 0.0]]


def test_the_truth_loses_nothing() -> None:
    assert measure(TWO.truth, TWO) == RowErrors(0.0, 0.0, 0.0, 0.0, 0.0)


def test_errors_are_those_of_the_definition() -> None:
    got = measure(np.array([[0.25, 0.5], [0.5, 0.75]]), TWO)
    assert (got.max_abs, got.mse, got.sum_error) == pytest.approx((0.25, 2 * 0.0625 / 4, 0.25))
    # P.V is [[.25, 1.5], [.5, 1]]; it is off by .5 in one channel of each row.
    assert got.pv == pytest.approx(sqrt(0.5 / (0.0625 + 2.25 + 0.25 + 1)))
    assert got.kl == pytest.approx((0.75 * log(1.5) + 0.5 * log(0.5 / 0.75)) / 2, abs=1e-6)


def test_a_probability_of_zero_costs_a_finite_divergence() -> None:
    got = measure(np.array([[0.0, 1.0], [0.5, 0.5]]), TWO)
    assert got.kl == pytest.approx((0.25 * log(0.25 / measuring.SMOOTHING) + 0.75 * log(0.75)) / 2, rel=1e-5)


def test_another_truth_may_be_given() -> None:
    assert measure(np.full((2, 2), 0.5), TWO, np.full((2, 2), 0.5)).pv == 0.0


def test_a_summary_has_the_worst_or_the_mean() -> None:
    one, two = RowErrors(0.1, 0.2, 0.3, 0.4, 0.5), RowErrors(0.3, 0.4, 0.5, 0.6, 0.1)
    expected = Summary(worst_max_abs=0.3, mean_mse=0.3, mean_kl=0.4, mean_sum_error=0.5, mean_pv=0.3, worst_pv=0.5)
    assert vars(Summary.of([one, two])) == pytest.approx(vars(expected))


def test_logits_become_codes_of_base_2() -> None:
    rows = Rows(
        np.array([[0.0, log(2.0), -log(2.0), log(2.0) / 128, -log(2.0) / 128 * 1.001, 1e3, -1e3]]), np.ones((7, 1))
    )
    assert rows.base2(6).tolist() == [[0, 64, -64, 1, -1, 32767, -32768]]
    assert rows.base2(6, bits=10).tolist() == [[0, 64, -64, 1, -1, 511, -512]]


def test_logits_become_int8_without_clipping() -> None:
    rows = Rows(np.array([[0.0, -12.7, 6.35, 6.3]]), np.ones((4, 1)))
    codes, scale = rows.int8()
    assert codes.tolist() == [[0, -127, 64, 63]]
    assert scale == pytest.approx(0.1)
    assert Rows(np.zeros((1, 4)), np.ones((4, 1))).int8()[0].tolist() == [[0, 0, 0, 0]]


def test_gaussian_rows_repeat_and_have_their_moments() -> None:
    for keys, sigma in ((197, 1.0), (577, 4.0)):
        rows = gaussian_rows(keys, sigma)
        assert rows.logits.shape == (400, keys)
        assert rows.values.shape == (keys, 64)
        assert rows.logits.std() == pytest.approx(sigma, rel=0.02)
        assert abs(rows.logits.mean()) < 0.02 * sigma
        assert rows.values.std() == pytest.approx(1, rel=0.03)
        np.testing.assert_array_equal(rows.logits, gaussian_rows(keys, sigma).logits)
        assert not np.array_equal(rows.logits, gaussian_rows(keys, sigma, seed=1).logits)


def test_the_setting_is_two_lengths_with_three_deviations() -> None:
    sets = list(settings(rows=50))
    assert [s.logits.shape for s in sets] == [(50, 197)] * 3 + [(50, 577)] * 3
    assert [round(float(s.logits.std())) for s in sets] == [1, 2, 4, 1, 2, 4]


def test_a_method_is_measured_over_all_sets() -> None:
    def method(rows: Rows) -> np.ndarray:
        return rows.truth * (1.01 if rows.logits.shape[1] == 197 else 1.03)

    got = measure_all(method, settings(rows=20))
    assert got.worst_pv == pytest.approx(0.03)
    assert got.mean_pv == pytest.approx(0.02)
    assert got.mean_sum_error == pytest.approx(0.02)


def test_rounded_probabilities_of_8_bits_lose_what_was_published() -> None:
    """The reason for deferred normalization: an exact softmax rounded to u8 loses 11 % of P.V, 37 % at worst."""

    def rounded(rows: Rows) -> np.ndarray:
        return np.floor(rows.truth * 256 + 0.5).clip(0, 255) / 256

    got = measure_all(rounded)
    assert got.mean_pv == pytest.approx(0.11, abs=0.01)
    assert got.worst_pv == pytest.approx(0.366, abs=0.02)


@pytest.mark.parametrize(
    ("logits", "values", "sentence"),
    [
        (np.zeros(3), np.zeros((3, 1)), r"two matrices that are not empty, not \[3\] and \[3, 1\]"),
        (np.zeros((0, 3)), np.zeros((3, 1)), r"two matrices that are not empty, not \[0, 3\] and \[3, 1\]"),
        (np.zeros((1, 3)), np.zeros((2, 1)), "values must have a row for each of 3 keys, not 2"),
        (np.full((1, 3), np.nan), np.zeros((3, 1)), "logits and values must be finite, not NaN or infinite"),
    ],
)
def test_rows_that_are_none_are_refused(logits: np.ndarray, values: np.ndarray, sentence: str) -> None:
    with pytest.raises(NumericsError, match=sentence):
        Rows(logits, values)


def test_probabilities_of_another_shape_are_refused() -> None:
    with pytest.raises(NumericsError, match=r"shape of the logits \[2, 2\], not \[2, 3\]"):
        measure(np.zeros((2, 3)), TWO)

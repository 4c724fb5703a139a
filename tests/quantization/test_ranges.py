"""The range with the least error: found against a search over everything, and sane where there is nothing to find."""

from __future__ import annotations

import numpy as np
import pytest

from vitaccel.quantization.options import QuantizationOptions
from vitaccel.quantization.ranges import Range, choose_range

BINS = 8192


def histogram_of(samples: np.ndarray) -> tuple[np.ndarray, float]:
    peak = float(np.abs(samples).max())
    return np.histogram(samples, BINS, (-peak, peak))[0].astype(float), peak


def true_error(samples: np.ndarray, limit: float, through: object = None) -> float:
    scale = limit / 127
    rounded = np.clip(np.floor(samples / scale + 0.5), -128, 127) * scale
    if through is not None:
        return float(np.square(through(rounded) - through(samples)).mean())  # type: ignore[operator]
    return float(np.square(rounded - samples).mean())


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


@pytest.mark.parametrize("power", [1, 3])
def test_mse_is_within_two_percent_of_an_exhaustive_search(power: int, seed: int) -> None:
    samples = np.random.default_rng(seed).standard_normal(50_000) ** power
    histogram, peak = histogram_of(samples)
    found = choose_range(histogram, peak, 8, QuantizationOptions())
    best = min(true_error(samples, peak * ratio) for ratio in np.geomspace(0.02, 1, 400))
    assert true_error(samples, found.limit) <= 1.02 * best
    assert found.ratio == found.limit / peak


def test_outliers_are_clipped_and_behind_an_activation_negative_ones_do_not_count(seed: int) -> None:
    samples = np.random.default_rng(seed).standard_normal(50_000)
    samples[:5] = -60
    histogram, peak = histogram_of(samples)
    plain = choose_range(histogram, peak, 8, QuantizationOptions())
    behind = choose_range(histogram, peak, 8, QuantizationOptions(), relu)
    assert behind.limit < plain.limit
    assert behind.limit < 6
    assert true_error(samples, behind.limit, relu) < true_error(samples, plain.limit, relu)


def test_percentile_and_max(seed: int) -> None:
    samples = np.random.default_rng(seed).uniform(-1, 1, 100_000)
    histogram, peak = histogram_of(samples)
    found = choose_range(histogram, peak, 8, QuantizationOptions(activation_range="percentile", percentile=90))
    assert found.limit == pytest.approx(np.quantile(np.abs(samples), 0.9), abs=2e-3)
    all_of_it = QuantizationOptions(activation_range="percentile", percentile=100)
    assert choose_range(histogram, peak, 8, all_of_it).limit == pytest.approx(peak, rel=1e-3)
    assert choose_range(histogram, peak, 8, QuantizationOptions(activation_range="max")) == Range(peak, peak)


@pytest.mark.parametrize("method", ["mse", "percentile", "max"])
def test_nothing_and_one_number(method: str) -> None:
    options = QuantizationOptions(activation_range=method)
    assert choose_range(np.zeros(BINS), 0.0, 8, options) == Range(0.0, 0.0)
    assert Range(0.0, 0.0).ratio == 1.0
    constant, peak = histogram_of(np.full(100, 2.5))
    found = choose_range(constant, peak, 8, options)
    assert true_error(np.full(100, 2.5), found.limit) < 0.02**2

"""The range of an int8 value from its histogram."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vitaccel.quantization.grid import SMALLEST_LIMIT, largest
from vitaccel.quantization.options import QuantizationOptions

Function = Callable[[np.ndarray], np.ndarray]

COARSE = np.geomspace(1 / 64, 1, 64)
"""Ranges tried first, as shares of the largest magnitude."""

FINE = np.linspace(-1, 1, 9)[1:-1]
"""Ranges tried between the best and its neighbours, in steps of the coarse grid."""


@dataclass(frozen=True)
class Range:
    """A chosen range: ``limit`` is what the largest integer stands for, ``peak`` the largest magnitude seen."""

    limit: float
    peak: float

    @property
    def ratio(self) -> float:
        """Share of the largest magnitude that lies within the range."""
        return self.limit / self.peak if self.peak > SMALLEST_LIMIT else 1.0


def choose_range(
    histogram: np.ndarray, peak: float, bits: int, options: QuantizationOptions, through: Function | None = None
) -> Range:
    """The range by ``options.activation_range``.

    Parameters
    ----------
    histogram
        Counts in equal bins from ``-peak`` to ``peak``.
    peak
        Largest magnitude.
    bits
        Width of the value.
    through
        The function that is the value's only reader: errors count behind it. A percentile does not look behind.
    """
    if peak <= SMALLEST_LIMIT or options.activation_range == "max" or not histogram.any():
        return Range(peak, peak)
    edges = np.linspace(-peak, peak, len(histogram) + 1)
    centres = (edges[:-1] + edges[1:]) / 2
    if options.activation_range == "percentile":
        return Range(_percentile(histogram, centres, peak, options.percentile), peak)
    return Range(peak * _least_error(histogram, centres, peak, bits, through), peak)


def _percentile(histogram: np.ndarray, centres: np.ndarray, peak: float, percent: float) -> float:
    order = np.argsort(np.abs(centres), kind="stable")
    reached = np.cumsum(histogram[order]) >= histogram.sum() * percent / 100
    half_bin = peak / len(histogram)
    return min(peak, float(np.abs(centres)[order][int(np.argmax(reached))]) + half_bin)


def _least_error(histogram: np.ndarray, centres: np.ndarray, peak: float, bits: int, through: Function | None) -> float:
    filled = histogram > 0
    weights, points = histogram[filled], centres[filled]
    function = through or (lambda x: x)
    truth = function(points)
    top = largest(bits)

    def error(ratio: float) -> float:
        scale = peak * ratio / top
        rounded = np.clip(np.floor(points / scale + 0.5), -top - 1, top) * scale
        return float((weights * np.square(function(rounded) - truth)).sum())

    coarse = [error(ratio) for ratio in COARSE]
    best = int(np.argmin(coarse))
    factor = COARSE[1] / COARSE[0]
    tried = {float(COARSE[best]): coarse[best]}
    for offset in FINE:
        ratio = min(1.0, float(COARSE[best] * factor**offset))
        tried.setdefault(ratio, error(ratio))
    return min(tried, key=lambda ratio: (tried[ratio], ratio))

"""Integer grids: the step of a range, and values brought onto a grid."""

from __future__ import annotations

from math import log

import numpy as np

SMALLEST_LIMIT = 1e-25
"""A range below this counts as zero: products of two such steps must still be float32 numbers."""


def largest(bits: int) -> int:
    """Largest integer of a signed width; ranges are symmetric, so the smallest is not used by choice."""
    return (1 << (bits - 1)) - 1


def step(limit: float, bits: int) -> float:
    """The float32 number that one step is worth when the largest integer stands for ``limit``.

    Of a range of zero nothing is known but that it was not left; it becomes -1 to 1, so no step is ever zero.
    """
    reach = limit if limit > SMALLEST_LIMIT else 1.0
    return float(np.float32(reach / largest(bits)))


def base2_step(fraction_bits: int) -> float:
    """What one step of a base-2 logit is worth: ``ln(2) / 2**fraction_bits``, in float32."""
    return float(np.float32(log(2) / 2**fraction_bits))


def to_grid(array: np.ndarray, scale: np.ndarray | float, low: int, high: int) -> np.ndarray:
    """The nearest float32 values (half up) that are ``scale`` times an integer of ``low`` to ``high``.

    ``scale`` broadcasts against the array. Infinities saturate.
    """
    wide = np.asarray(array, np.float64) / np.asarray(scale, np.float64)
    integers = np.clip(np.floor(wide + 0.5), low, high)
    return np.asarray(integers * np.asarray(scale, np.float64), np.float32)


def signal_to_noise_db(reference: np.ndarray, approximation: np.ndarray) -> float:
    """``10 log10(sum r^2 / sum (r - a)^2)``: infinite where nothing is lost, minus infinity where nothing was there."""
    signal = float(np.square(reference, dtype=np.float64).sum())
    noise = float(np.square(reference.astype(np.float64) - approximation).sum())
    return decibel(signal, noise)


def decibel(signal: float, noise: float) -> float:
    """``10 log10(signal / noise)`` of two powers."""
    if noise == 0:
        return float("inf")
    return 10 * float(np.log10(signal / noise)) if signal > 0 else float("-inf")

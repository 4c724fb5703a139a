"""Weights on their grid: a scale for each column, chosen for the inputs that the column meets."""

from __future__ import annotations

import numpy as np

from vitaccel.quantization.grid import SMALLEST_LIMIT, largest

CLIPS = {8: (1.0, 0.97, 0.94, 0.9, 0.85, 0.8), 4: tuple(float(c) for c in np.linspace(1.0, 0.4, 25))}
"""Ranges tried for a column, as shares of its largest weight."""

BIAS_STEPS = 2.0**24
"""Steps of a bias at most: float32 holds them exactly, and an int32 sum has room for the products beside them."""


def column_scales(
    matrix: np.ndarray, bits: int, *, power: np.ndarray | None = None, floor: np.ndarray | None = None
) -> np.ndarray:
    """Scale of each column of [K, N] with the least squared error, as float32 numbers above zero.

    Parameters
    ----------
    matrix
        The weights.
    bits
        Their width.
    power
        Mean square of the input that meets each row; errors count by it.
    floor
        Smallest scale of each column, so that its bias fits.
    """
    top = largest(bits)
    reach = np.abs(matrix).max(axis=0).astype(np.float64)
    reach = np.where(reach > SMALLEST_LIMIT, reach, 1.0)
    weight = np.ones(len(matrix)) if power is None or not power.any() else power
    best = np.full(matrix.shape[1], np.inf)
    scales = np.empty(matrix.shape[1])
    for clip in CLIPS[bits]:
        scale = (reach * clip / top).astype(np.float32).astype(np.float64)
        rounded = np.clip(np.floor(matrix / scale + 0.5), -top, top) * scale
        error = weight @ np.square(rounded - matrix)
        better = error < best
        best, scales = np.where(better, error, best), np.where(better, scale, scales)
    if floor is not None:
        scales = np.maximum(scales, floor)
    return scales.astype(np.float32).astype(np.float64)


def bias_floor(bias: np.ndarray, input_scale: float) -> np.ndarray:
    """Smallest weight scale with which a bias has at most :data:`BIAS_STEPS` steps of ``input_scale * scale``."""
    floor: np.ndarray = np.abs(bias).astype(np.float64) / (input_scale * BIAS_STEPS)
    return floor


def nearest(matrix: np.ndarray, scales: np.ndarray | float, bits: int) -> np.ndarray:
    """Integers nearest to the weights (half up)."""
    top = largest(bits)
    integers: np.ndarray = np.clip(np.floor(matrix / scales + 0.5), -top, top)
    return integers


def matrix_scale(matrix: np.ndarray) -> float:
    """One int8 scale for a token-mixing matrix: the one, of those that use 64 to 127 steps, with the least error.

    Interpolation and pooling have few distinct weights, and some step divides them almost evenly.
    """
    reach = float(np.abs(matrix).max(initial=0.0))
    if reach <= SMALLEST_LIMIT:
        return float(np.float32(1 / 127))
    scales = [float(np.float32(reach / steps)) for steps in range(127, 63, -1)]
    errors = [float(np.square(nearest(matrix, scale, 8) * scale - matrix).sum()) for scale in scales]
    return scales[int(np.argmin(errors))]

"""What token resampling loses by its int8 matrix: bilinear interpolation of token grids, against float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from vitaccel.reference.resample import TokenResample

GRIDS = ((14, 7), (16, 7), (14, 5), (24, 12), (10, 32), (7, 14), (3, 17))
"""Sides of the square token grids, before and after: LookupViT's, and others up and down."""

CHANNELS = 16


@dataclass(frozen=True)
class ResampleCertificate:
    """What resampling loses, int8 to int8 of one scale, in steps.

    Parameters
    ----------
    maps
        Bilinear matrices measured.
    row_error
        Largest sum over a row of the absolute errors of its weights.
    bound
        What follows for any int8 tokens: ``128 * row_error``, the multiplier, and rounding.
    max_error
        Largest error met, of random tokens and of those that are worst for a row.
    rms_error
        RMS error of the random tokens; rounding alone is 0.289.
    constant_error
        Largest error of equal tokens.
    """

    maps: int
    row_error: float
    bound: float
    max_error: float
    rms_error: float
    constant_error: int


def certify_resample(seed: int = 0) -> ResampleCertificate:
    """Measure bilinear maps between :data:`GRIDS` on random, worst and equal tokens."""
    rng = np.random.default_rng(seed)
    row_error = worst = 0.0
    squares: list[float] = []
    constant = 0
    for old, new in GRIDS:
        matrix = np.kron(linear_matrix(old, new), linear_matrix(old, new)).astype(np.float64)
        spec = TokenResample.from_matrix(matrix, 1.0, 1.0)
        wrong = spec.matrix.numpy() * float(spec.requantize.real) - matrix
        row_error = max(row_error, float(np.abs(wrong).sum(1).max()))
        tokens = rng.integers(-128, 128, (old * old, CHANNELS))
        error = _errors(spec, matrix, tokens)
        squares.append(float(np.square(error).mean()))
        # The tokens that are worst for each row: one channel each.
        against = np.where(wrong > 0, 127, -128).T
        worst = max(worst, float(np.abs(error).max()), float(np.abs(_errors(spec, matrix, against)).max()))
        equal = np.repeat([[-128, -1, 0, 1, 127]], old * old, 0)
        constant = max(constant, int(np.abs(_errors(spec, matrix, equal)).max().round()))
    return ResampleCertificate(
        maps=len(GRIDS),
        row_error=row_error,
        bound=128 * row_error + 0.5,
        max_error=worst,
        rms_error=float(np.sqrt(np.mean(squares))),
        constant_error=constant,
    )


def linear_matrix(old: int, new: int) -> NDArray[np.float64]:
    """Return the weights ``[new, old]`` of half-pixel linear interpolation with a repeated border; rows sum to 1."""
    position = ((np.arange(new) + 0.5) * (old / new) - 0.5).clip(0, old - 1)
    return np.asarray((1 - np.abs(np.arange(old) - position[:, None])).clip(0))


def _errors(spec: TokenResample, matrix: NDArray[np.float64], tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    real = (matrix @ tokens).clip(-128, 127)
    return np.asarray(spec.compute(torch.from_numpy(tokens)).numpy() - real)

"""Token resampling: a constant int8 matrix times the tokens, on the array, and one requantization."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isfinite

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from vitaccel.errors import NumericsError
from vitaccel.reference.fixed_point import as_int64
from vitaccel.reference.matmul import accumulate
from vitaccel.reference.requantize import Requantize

LARGEST_WEIGHT = 127
"""Symmetric: -128 is not used."""

MOST_TOKENS = 131_071
"""A sum of this many products of int8 fits an accumulator of 32 bits."""

CANDIDATES = 256
"""Scales that are tried."""

UNIT_SUM = 1e-4
"""A row this near to a sum of 1 is meant to have it."""


@dataclass(frozen=True, eq=False)
class TokenResample:
    """``saturate(round_shift((matrix @ x) * multiplier, shift), bits)``: M tokens from N, the same for all channels.

    Parameters
    ----------
    matrix
        ``[M, N]``, -127 to 127.
    requantize
        From the accumulator to the output.

    Raises
    ------
    NumericsError
        If *matrix* is no matrix of int8 codes with 1 to 131,071 columns.
    """

    matrix: Tensor
    requantize: Requantize

    def __post_init__(self) -> None:
        matrix = as_int64(self.matrix)
        if matrix.ndim != 2 or not matrix.numel() or matrix.shape[1] > MOST_TOKENS:
            raise NumericsError(
                f"a token map must be a matrix of up to {MOST_TOKENS} columns, not {list(matrix.shape)}"
            )
        if int(matrix.abs().max()) > LARGEST_WEIGHT:
            raise NumericsError(f"a token map must be within ±{LARGEST_WEIGHT}, not {int(matrix.abs().max())}")
        object.__setattr__(self, "matrix", matrix.to(torch.int8))

    @classmethod
    def from_matrix(cls, matrix: ArrayLike, in_scale: float, out_scale: float, bits: int = 8) -> TokenResample:
        """Return the integers for a real *matrix*, from tokens in steps of *in_scale* to steps of *out_scale*.

        Raises
        ------
        NumericsError
            If the matrix is not finite, or a scale is not positive and finite.
        """
        codes, scale = quantize_matrix(matrix)
        for one in (in_scale, out_scale):
            if not (isfinite(one) and one > 0):
                raise NumericsError(f"scales of a token map must be positive and finite, not {one}")
        real = Fraction(scale) * Fraction(float(in_scale)) / Fraction(float(out_scale))
        return cls(codes, Requantize.from_scale(float(real), bits))

    def compute(self, x: Tensor) -> Tensor:
        """Return the resampled tokens.

        Parameters
        ----------
        x
            int8 codes ``[..., N, C]``.

        Returns
        -------
        Tensor
            int64 codes ``[..., M, C]`` of ``requantize.bits`` bits.

        Raises
        ------
        NumericsError
            If there are not N tokens.
        """
        return self.requantize.compute(accumulate(self.matrix, x))


def quantize_matrix(matrix: ArrayLike) -> tuple[Tensor, float]:
    """Return the int8 codes of a real matrix and what one step of them is worth.

    Rows keep their sums: a row is rounded down, and the entries with the largest remainders go up until the codes sum
    to the rounded sum of the row. Where all rows sum to 1, as interpolation's do, the scale is 1/K for an integer K, so
    that the codes of each row sum to K and equal tokens stay what they are. Of the K that fit, the one is taken that
    the weights are nearest to: many interpolations have weights with a small common denominator, and are exact.

    Parameters
    ----------
    matrix
        Real numbers ``[M, N]``.

    Returns
    -------
    tuple
        int8 ``[M, N]``, -127 to 127, each within a step of its entry; and the scale, exact in float32.

    Raises
    ------
    NumericsError
        If *matrix* is empty, no matrix, or not finite.
    """
    real = np.asarray(matrix, dtype=np.float64)
    if real.ndim != 2 or not real.size or not np.isfinite(real).all():
        raise NumericsError(f"a token map must be a matrix of finite numbers, not of shape {list(real.shape)}")
    steps = LARGEST_WEIGHT / (float(np.abs(real).max()) or 1.0)
    if steps >= 1 and np.abs(real.sum(1) - 1).max() < UNIT_SUM:
        steps = float(_best_sum(real, int(steps)))
    exact = real * steps
    down = np.floor(exact)
    remainder = exact - down
    rises = np.floor(remainder.sum(1, keepdims=True) + 0.5)
    # Stable, so that of equal remainders the first go up, on every machine.
    rank = np.argsort(np.argsort(-remainder, axis=1, kind="stable"), axis=1, kind="stable")
    codes = (down + (rank < rises)).clip(-LARGEST_WEIGHT, LARGEST_WEIGHT)
    return torch.from_numpy(codes.astype(np.int8)), float(np.float32(1 / steps))


def _best_sum(real: NDArray[np.float64], most: int) -> int:
    """Return the K up to *most* whose multiples of 1/K are nearest to the weights by squared error."""
    tried = range(most, max(most // 2, most - CANDIDATES), -1)
    errors = [float(np.square(np.rint(real * k) / k - real).sum()) for k in tried]
    return tried[int(np.argmin(errors))]

"""How exact LayerNorm is: its normalised rows against float64, before any output is rounded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from vitaccel.reference.layernorm import NORMAL_FRACTION, LayerNorm
from vitaccel.reference.rsqrt import Rsqrt

ROWS = 256
"""Gaussian rows measured."""

SCALE = 2.0**-12
"""What a step of their codes is worth: int16 reaches 8 deviations of a row of unit variance."""

EPS = 1e-6
"""The eps that vision transformers are trained with."""


@dataclass(frozen=True)
class LayerNormCertificate:
    """What the normalised rows lose.

    Parameters
    ----------
    channels
        Length of a row.
    rows
        Gaussian rows measured.
    rmse
        Root of their mean squared error, in deviations.
    max_abs
        Their largest error.
    constant
        Largest absolute value of a constant row's result; the true one is 0.
    outlier
        Largest error of rows of small codes with one at an end of the int16 range, relative to the outlier's value.
    extremes
        Largest error of rows of -32768 and 32767 in several arrangements.
    """

    channels: int
    rows: int
    rmse: float
    max_abs: float
    constant: float
    outlier: float
    extremes: float


def certify_layernorm(channels: int = 384, *, rsqrt: Rsqrt | None = None, seed: int = 0) -> LayerNormCertificate:
    """Measure LayerNorm over *channels* on Gaussian, constant, outlier and extreme rows.

    The Gaussian rows have means of deviation 1 and deviations of their own from 1/4 to 2, so that the square root meets
    all its mantissas.
    """
    norm = LayerNorm.from_affine([1.0] * channels, [0.0] * channels, in_scale=SCALE, out_scale=1 / 16, eps=EPS)
    norm = replace(norm, rsqrt=rsqrt or Rsqrt())
    rng = np.random.default_rng([seed, channels])
    mean, deviation = rng.normal(0, 1, (ROWS, 1)), 2.0 ** rng.uniform(-2, 1, (ROWS, 1))
    gaussian = np.round(rng.normal(mean, deviation, (ROWS, channels)) / SCALE).clip(-32768, 32767)
    error = _normalized(norm, gaussian) - layernorm(gaussian * SCALE, EPS)
    constants = np.repeat([[-32768.0], [-1], [0], [1], [32767]], channels, 1)
    small = rng.integers(-2, 3, (16, channels)).astype(np.float64)
    small[np.arange(16), rng.integers(0, channels, 16)] = [-32768.0, 32767] * 8
    extreme = np.where(np.arange(channels) % np.arange(2, 9)[:, None] < 1, 32767.0, -32768)
    extreme = np.concatenate([extreme, -1 - extreme])
    true_small, true_extreme = layernorm(small * SCALE, EPS), layernorm(extreme * SCALE, EPS)
    return LayerNormCertificate(
        channels=channels,
        rows=ROWS,
        rmse=float(np.sqrt(np.square(error).mean())),
        max_abs=float(np.abs(error).max()),
        constant=float(np.abs(_normalized(norm, constants)).max()),
        outlier=float((np.abs(_normalized(norm, small) - true_small).max(-1) / np.abs(true_small).max(-1)).max()),
        extremes=float(np.abs(_normalized(norm, extreme) - true_extreme).max()),
    )


def layernorm(x: NDArray[np.float64], eps: float) -> NDArray[np.float64]:
    """Return ``(x - mean) / sqrt(var + eps)`` over the last dimension in float64."""
    centred = x - x.mean(-1, keepdims=True)
    return np.asarray(centred / np.sqrt(np.square(centred).mean(-1, keepdims=True) + eps))


def _normalized(norm: LayerNorm, codes: NDArray[np.float64]) -> NDArray[np.float64]:
    x = torch.from_numpy(codes.astype(np.int16))
    return np.asarray(norm.normalize(x).numpy() * 2.0**-NORMAL_FRACTION)

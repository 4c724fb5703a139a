"""Interpolation and pooling of a token grid as explicit matrices."""

from __future__ import annotations

import numpy as np

from vitaccel.ir.ops import Pool2d, Resize2d

HALF_PIXEL = ("half_pixel", "pytorch_half_pixel")


def resize_matrix(op: Resize2d, height: int, width: int) -> np.ndarray | None:
    """Return the ``(M, N)`` float32 matrix of a resize from ``height`` x ``width``; None for a mode without one here.

    The Kronecker product of a matrix for each axis. Linear weights fall off over one sample, with antialiasing over
    ``old / new`` samples (normalised at the border); nearest takes one sample.
    """
    rows, columns = _axis_matrix(op, height, op.height), _axis_matrix(op, width, op.width)
    if rows is None or columns is None:
        return None
    return np.kron(rows, columns).astype(np.float32)


def _axis_matrix(op: Resize2d, old: int, new: int) -> np.ndarray | None:
    index, samples = np.arange(new)[:, None], np.arange(old)
    if op.coordinates == "align_corners":
        place = index * ((old - 1) / max(new - 1, 1))
    elif op.coordinates == "asymmetric":
        place = index * (old / new)
    elif op.coordinates == "half_pixel" or (op.coordinates in HALF_PIXEL and new > 1):
        place = (index + 0.5) * (old / new) - 0.5
    else:
        return None
    if op.mode == "nearest":
        nearest = np.floor(place) if op.coordinates == "asymmetric" else np.ceil(place - 0.5)
        return np.asarray(samples == nearest.clip(0, old - 1), np.float64)
    if op.mode != "linear":
        return None
    if not op.antialias:
        return np.asarray((1 - abs(samples - place.clip(0, old - 1))).clip(0))
    if op.coordinates not in HALF_PIXEL:
        return None
    weights = np.asarray((1 - abs(samples - place) / max(old / new, 1)).clip(0))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def pool_matrix(op: Pool2d, height: int, width: int) -> np.ndarray | None:
    """Return the ``(M, N)`` float32 matrix of an average pooling of a ``height`` x ``width`` grid; None for max."""
    if op.kind != "avg":
        return None
    top, left, bottom, right = op.padding
    rows = _windows(height, op.kernel[0], op.stride[0], top, bottom)
    columns = _windows(width, op.kernel[1], op.stride[1], left, right)
    matrix = np.kron(rows, columns)
    counts = op.kernel[0] * op.kernel[1] if op.include_pad else matrix.sum(axis=1, keepdims=True)
    return np.asarray(matrix / counts, np.float32)


def _windows(size: int, kernel: int, stride: int, before: int, after: int) -> np.ndarray:
    """Return which samples each window of one axis covers."""
    first = np.arange(0, size + before + after - kernel + 1, stride)[:, None] - before
    samples = np.arange(size)
    return np.asarray((samples >= first) & (samples < first + kernel), np.float64)

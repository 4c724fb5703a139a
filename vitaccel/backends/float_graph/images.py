"""Float meaning of what works on images [B, C, H, W]: convolution, pooling, resizing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from vitaccel.backends.float_graph.apply import apply
from vitaccel.errors import UnsupportedError
from vitaccel.ir import ops


@apply.register
def conv2d(op: ops.Conv2d, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    """Cross-correlation of the zero-padded image with ``w`` (+ b)."""
    return F.conv2d(_pad(x, op.padding), w, b, op.stride, 0, op.dilation, op.groups)


@apply.register
def pool2d(op: ops.Pool2d, x: Tensor) -> Tensor:
    """Largest or mean element of every window; the mean leaves padding out unless ``include_pad``."""
    if op.kind == "max":
        return F.max_pool2d(_pad(x, op.padding, float("-inf")), op.kernel, op.stride)
    means = F.avg_pool2d(_pad(x, op.padding), op.kernel, op.stride)
    if op.include_pad:
        return means
    return means / F.avg_pool2d(_pad(torch.ones_like(x[:1, :1]), op.padding), op.kernel, op.stride)


@apply.register
def resize2d(op: ops.Resize2d, x: Tensor) -> Tensor:
    """``R_h @ x @ R_w^T``: interpolation is separable, and a matrix along each axis."""
    rows = _axis_matrix(x.shape[2], op.height, op)
    columns = _axis_matrix(x.shape[3], op.width, op)
    return rows @ x @ columns.mT


def _axis_matrix(old: int, new: int, op: ops.Resize2d) -> Tensor:
    """Weight of each of ``old`` samples in each of ``new`` ones, float32 [new, old].

    Antialiasing widens the triangle of linear interpolation to the step between samples and leaves out what lies beyond
    the border (ONNX ``exclude_outside=1``, which is what PyTorch and JAX mean); otherwise the border is repeated.
    """
    position = _source_positions(old, new, op.coordinates)[:, None]
    sample = torch.arange(old, dtype=torch.float64)
    if op.antialias:
        if (op.mode, op.coordinates) != ("linear", "half_pixel"):
            raise UnsupportedError(f"an antialiased resize must be linear half_pixel, not {op.mode} {op.coordinates}")
        weight = (1 - (sample - position).abs() / max(old / new, 1)).clamp(min=0)
        return (weight / weight.sum(-1, keepdim=True)).float()
    if op.mode == "linear":
        return (1 - (sample - position.clamp(0, old - 1)).abs()).clamp(min=0).float()
    if op.mode == "nearest":
        # What PyTorch means by nearest (asymmetric) rounds down; ONNX's own default sends only ties down.
        nearest = position.floor() if op.coordinates == "asymmetric" else (position - 0.5).ceil()
        return (sample == nearest.clamp(0, old - 1)).float()
    raise UnsupportedError(f"resize mode must be linear or nearest, not {op.mode!r}")


def _source_positions(old: int, new: int, coordinates: str) -> Tensor:
    """Where each of ``new`` samples lies among ``old`` ones, float64 [new]."""
    index = torch.arange(new, dtype=torch.float64)
    if coordinates == "half_pixel":
        return (index + 0.5) * (old / new) - 0.5
    if coordinates == "asymmetric":
        return index * (old / new)
    if coordinates == "align_corners":
        return index * ((old - 1) / max(new - 1, 1))
    raise UnsupportedError(f"resize coordinates must be half_pixel, asymmetric or align_corners, not {coordinates!r}")


def _pad(x: Tensor, padding: tuple[int, int, int, int], value: float = 0.0) -> Tensor:
    top, left, bottom, right = padding
    return F.pad(x, (left, right, top, bottom), value=value)

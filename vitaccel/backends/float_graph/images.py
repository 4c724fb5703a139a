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
    """Separable interpolation, coordinates as ONNX ``Resize`` names them, the border clamped."""
    if not op.antialias:
        return _resize_axis(_resize_axis(x, 2, op.height, op), 3, op.width, op)
    if (op.mode, op.coordinates) != ("linear", "half_pixel"):
        raise UnsupportedError(f"an antialiased resize must be linear half_pixel, not {op.mode} {op.coordinates}")
    return F.interpolate(x, (op.height, op.width), mode="bilinear", antialias=True)


def _resize_axis(x: Tensor, axis: int, size: int, op: ops.Resize2d) -> Tensor:
    last = x.shape[axis] - 1
    position = _source_positions(last + 1, size, op.coordinates)
    if op.mode == "nearest":
        # What PyTorch means by nearest (asymmetric) rounds down; ONNX's own default sends only ties down.
        nearest = position.floor() if op.coordinates == "asymmetric" else (position - 0.5).ceil()
        return x.index_select(axis, nearest.long().clamp(0, last))
    if op.mode != "linear":
        raise UnsupportedError(f"resize mode must be linear or nearest, not {op.mode!r}")
    position = position.clamp(0, last)
    below = position.floor().long()
    above = (below + 1).clamp(max=last)
    share = (position - below).float().reshape(-1, *[1] * (x.ndim - 1 - axis))
    return x.index_select(axis, below) * (1 - share) + x.index_select(axis, above) * share


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

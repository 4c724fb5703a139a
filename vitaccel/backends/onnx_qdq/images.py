"""Ops on images [B, C, H, W]."""

from __future__ import annotations

from typing import Any

from vitaccel.backends.onnx_qdq.emit import Site, emit
from vitaccel.ir import ops


@emit.register
def conv2d(op: ops.Conv2d, site: Site) -> str:
    """``Conv``."""
    kernel = site.shape_of(1)[2:]
    return site.op(
        "Conv",
        *site.operands(),
        kernel_shape=kernel,
        strides=op.stride,
        pads=op.padding,
        dilations=op.dilation,
        group=op.groups,
    )


@emit.register
def pool2d(op: ops.Pool2d, site: Site) -> str:
    """``MaxPool`` or ``AveragePool``."""
    window: dict[str, Any] = {"kernel_shape": op.kernel, "strides": op.stride, "pads": op.padding}
    if op.kind == "max":
        return site.op("MaxPool", site.x(), **window)
    return site.op("AveragePool", site.x(), count_include_pad=int(op.include_pad), **window)


@emit.register
def resize2d(op: ops.Resize2d, site: Site) -> str:
    """``Resize`` to sizes; ``nearest`` rounds as the coordinates demand."""
    rounding = "floor" if op.coordinates == "asymmetric" else "round_prefer_floor"
    return site.op(
        "Resize",
        site.x(),
        "",
        "",
        site.builder.ints(*site.shape),
        mode=op.mode,
        coordinate_transformation_mode=op.coordinates,
        antialias=int(op.antialias),
        exclude_outside=int(op.antialias),
        nearest_mode=rounding,
    )

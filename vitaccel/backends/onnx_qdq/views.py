"""Ops that only move or repeat elements."""

from __future__ import annotations

from math import prod

from vitaccel.backends.onnx_qdq.emit import Site, emit
from vitaccel.ir import ops


@emit.register
def to_tokens(_op: ops.ToTokens, site: Site) -> str:
    """[B, C, H, W] as [B, H W, C]."""
    batch, channels, *grid = site.shape_of(0)
    return site.transpose(site.reshape(site.x(), batch, channels, prod(grid)), 0, 2, 1)


@emit.register
def from_tokens(_op: ops.FromTokens, site: Site) -> str:
    """[B, H W, C] as [B, C, H, W]."""
    return site.reshape(site.transpose(site.x(), 0, 2, 1), *site.shape)


@emit.register
def reshape(op: ops.Reshape, site: Site) -> str:
    """``Reshape``."""
    return site.reshape(site.x(), *op.shape)


@emit.register
def transpose(op: ops.Transpose, site: Site) -> str:
    """``Transpose``."""
    return site.transpose(site.x(), *op.perm)


@emit.register
def slice_axis(op: ops.Slice, site: Site) -> str:
    """``Slice`` of one axis."""
    return site.op("Slice", site.x(), *map(site.builder.ints, (op.start, op.stop, op.axis)))


@emit.register
def concat(op: ops.Concat, site: Site) -> str:
    """``Concat``."""
    return site.op("Concat", *site.operands(), axis=op.axis)


@emit.register
def broadcast(op: ops.Broadcast, site: Site) -> str:
    """``Expand``."""
    return site.op("Expand", site.x(), site.builder.ints(*op.shape))


@emit.register
def select(_op: ops.Select, site: Site) -> str:
    """``Gather`` of a row."""
    row = site.op("Gather", site.x(0), site.x(1), axis=0)
    return site.reshape(row, *site.shape) if site.shape_of(1) else row

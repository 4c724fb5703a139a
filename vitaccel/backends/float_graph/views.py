"""Float meaning of the ops that only move or repeat elements."""

from __future__ import annotations

import torch
from torch import Tensor

from vitaccel.backends.float_graph.apply import apply
from vitaccel.errors import VitaccelError
from vitaccel.ir import ops


@apply.register
def to_tokens(_op: ops.ToTokens, x: Tensor) -> Tensor:
    """[B, C, H, W] as [B, H*W, C]."""
    return x.flatten(2).transpose(1, 2)


@apply.register
def from_tokens(op: ops.FromTokens, x: Tensor) -> Tensor:
    """[B, H*W, C] as [B, C, H, W]."""
    return x.transpose(1, 2).reshape(x.shape[0], -1, op.height, op.width)


@apply.register
def reshape(op: ops.Reshape, x: Tensor) -> Tensor:
    """The same elements in row-major order."""
    return x.reshape(op.shape)


@apply.register
def transpose(op: ops.Transpose, x: Tensor) -> Tensor:
    """Axis ``i`` of the result is axis ``perm[i]`` of x."""
    return x.permute(op.perm)


@apply.register
def slice_axis(op: ops.Slice, x: Tensor) -> Tensor:
    """``x[start:stop]`` along one axis."""
    return x.narrow(op.axis, op.start, op.stop - op.start)


@apply.register
def concat(op: ops.Concat, *operands: Tensor) -> Tensor:
    """Operands one after another along one axis."""
    return torch.cat(operands, op.axis)


@apply.register
def broadcast(op: ops.Broadcast, x: Tensor) -> Tensor:
    """``x`` repeated to the shape."""
    return x.broadcast_to(op.shape)


@apply.register
def select(_op: ops.Select, table: Tensor, index: Tensor) -> Tensor:
    """``table[index]``; a negative index has no meaning."""
    row = int(index)
    if not 0 <= row < table.shape[0]:
        raise VitaccelError(f"a selected row must be 0 to {table.shape[0] - 1}, not {row}")
    return table[row]

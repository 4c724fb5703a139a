"""Float meaning of the matrix ops outside attention."""

from __future__ import annotations

from torch import Tensor

from vitaccel.backends.float_graph.apply import apply
from vitaccel.ir import ops


@apply.register
def linear(_op: ops.Linear, x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    """``x @ w (+ b)``."""
    return x @ w if b is None else x @ w + b


@apply.register
def matmul(_op: ops.MatMul, a: Tensor, b: Tensor) -> Tensor:
    """``a @ b``."""
    return a @ b


@apply.register
def token_mix(_op: ops.TokenMix, x: Tensor, m: Tensor) -> Tensor:
    """``m @ x`` for every image, whatever the kind."""
    return m @ x

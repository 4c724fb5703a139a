"""Float meaning of what the lanes do: normalisation, activations, softmax, element-wise arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from vitaccel.backends.float_graph.apply import apply
from vitaccel.ir import ops

ACTIVATION: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "gelu": F.gelu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "gelu_sigmoid": lambda x: x * torch.sigmoid(1.702 * x),
        "relu": torch.relu,
        "relu6": F.relu6,
        "silu": F.silu,
        "hardswish": F.hardswish,
        "hardsigmoid": F.hardsigmoid,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
    }
)
"""Formula of every kind in :data:`vitaccel.ir.ops.ACTIVATIONS`; ``hardsigmoid`` is ``relu6(x + 3) / 6``."""


@apply.register
def layernorm(op: ops.LayerNorm, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
    """``gamma * (x - mean) / sqrt(var + eps) + beta`` over the last axis."""
    return F.layer_norm(x, gamma.shape, gamma, beta, op.eps)


@apply.register
def activation(op: ops.Activation, x: Tensor) -> Tensor:
    """The function of each element."""
    return ACTIVATION[op.kind](x)


@apply.register
def add(_op: ops.Add, a: Tensor, b: Tensor) -> Tensor:
    """``a + b``."""
    return a + b


@apply.register
def mul(_op: ops.Mul, a: Tensor, b: Tensor) -> Tensor:
    """``a * b``."""
    return a * b


@apply.register
def softmax(_op: ops.Softmax, x: Tensor) -> Tensor:
    """Softmax over the last axis."""
    return x.softmax(-1)


@apply.register
def mean(_op: ops.Mean, x: Tensor) -> Tensor:
    """Mean over the tokens."""
    return x.mean(1)

"""Matrix work: linear layers, products of activations, token mixing, convolution."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from vitaccel.ir.ops.base import Op, broadcast, need, window_counts
from vitaccel.ir.types import TensorType


@dataclass(frozen=True)
class Linear(Op):
    """``x[..., K] @ w[K, N] (+ b[N])``; ``w`` is a Const, or a Select of constants (task gates)."""

    name: ClassVar[str] = "linear"

    def infer(self, *operands: TensorType) -> TensorType:
        x, w = operands[:2]
        need(w.rank == 2 and x.shape[-1] == w.shape[0], f"linear of {x} by {w} must agree in K")
        need(len(operands) == 2 or operands[2].shape == w.shape[1:], "linear bias must have N elements")
        return TensorType((*x.shape[:-1], w.shape[1]))

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return result.size * operands[1].static_shape[0]


@dataclass(frozen=True)
class MatMul(Op):
    """``a[..., M, K] @ b[..., K, N]`` of two activations, leading dimensions broadcast."""

    name: ClassVar[str] = "matmul"

    def infer(self, *operands: TensorType) -> TensorType:
        a, b = operands
        need(a.rank >= 2 and b.rank >= 2 and a.shape[-1] == b.shape[-2], f"matmul of {a} by {b} must agree in K")
        return TensorType((*broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1]))

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return result.size * operands[0].static_shape[-1]


@dataclass(frozen=True)
class TokenMix(Op):
    """``m[M, N] @ x[B, N, C]`` with a constant ``m``: token resampling or pooling. Operands: x, m.

    ``kind`` is how the model wrote it: ``matmul`` (its MACs count), ``resize`` or ``pool`` (by convention they do not).
    """

    name: ClassVar[str] = "token_mix"
    kind: str = "matmul"

    def infer(self, *operands: TensorType) -> TensorType:
        x, m = operands
        need(x.rank == 3 and m.rank == 2 and m.shape[1] == x.shape[1], f"token_mix of {x} by {m} must agree in tokens")
        need(self.kind in ("matmul", "resize", "pool"), f"token_mix kind must be known, not {self.kind!r}")
        return TensorType((x.shape[0], m.shape[0], x.shape[2]))

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return result.size * operands[1].static_shape[1] if self.kind == "matmul" else 0


@dataclass(frozen=True)
class Conv2d(Op):
    """2-D convolution. Operands: x[B, C, H, W], w[O, C/groups, kh, kw], (b[O]).

    ``padding`` is top, left, bottom, right.
    """

    name: ClassVar[str] = "conv2d"
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def infer(self, *operands: TensorType) -> TensorType:
        x, w = operands[:2]
        need(x.rank == 4 and w.rank == 4, f"conv2d must see 4-D operands, not {x} and {w}")
        channels, outputs = w.static_shape[1] * self.groups, w.static_shape[0]
        need(
            x.static_shape[1] == channels and outputs % self.groups == 0, f"conv2d of {x} by {w} must agree in channels"
        )
        need(len(operands) == 2 or operands[2].shape == w.shape[:1], "conv2d bias must have O elements")
        height, width = window_counts(x, w.static_shape[2:], self.stride, self.padding, self.dilation)
        return TensorType((x.shape[0], w.shape[0], height, width))

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        return result.size * prod(operands[1].static_shape[1:])

"""Work of the lanes: normalisation, activations, element-wise sums and products, pooling, interpolation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from vitaccel.ir.ops.base import Op, broadcast, need, window_counts
from vitaccel.ir.types import TensorType


@dataclass(frozen=True)
class LayerNorm(Op):
    """Normalise over the last axis. Operands: x[..., C], gamma[C], beta[C]."""

    name: ClassVar[str] = "layernorm"
    eps: float = 1e-6

    def infer(self, *operands: TensorType) -> TensorType:
        x, gamma, beta = operands
        need(gamma.shape == beta.shape == x.shape[-1:], f"layernorm of {x} must have {x.shape[-1]} gammas and betas")
        return x


ACTIVATIONS = (
    "gelu",
    "gelu_tanh",
    "gelu_sigmoid",
    "relu",
    "relu6",
    "silu",
    "hardswish",
    "hardsigmoid",
    "sigmoid",
    "tanh",
)


@dataclass(frozen=True)
class Activation(Op):
    """A function of each element; ``kind`` is one of :data:`ACTIVATIONS` (``gelu`` is the erf form)."""

    name: ClassVar[str] = "activation"
    kind: str = "gelu"

    def infer(self, *operands: TensorType) -> TensorType:
        need(self.kind in ACTIVATIONS, f"activation must be one of {', '.join(ACTIVATIONS)}, not {self.kind!r}")
        return operands[0]


@dataclass(frozen=True)
class Add(Op):
    """Element-wise sum of two values, broadcast as in NumPy."""

    name: ClassVar[str] = "add"

    def infer(self, *operands: TensorType) -> TensorType:
        return TensorType(broadcast(operands[0].shape, operands[1].shape))


@dataclass(frozen=True)
class Mul(Op):
    """Element-wise product of two values, broadcast as in NumPy."""

    name: ClassVar[str] = "mul"

    def infer(self, *operands: TensorType) -> TensorType:
        return TensorType(broadcast(operands[0].shape, operands[1].shape))


@dataclass(frozen=True)
class Softmax(Op):
    """Softmax over the last axis."""

    name: ClassVar[str] = "softmax"

    def infer(self, *operands: TensorType) -> TensorType:
        return operands[0]


@dataclass(frozen=True)
class Mean(Op):
    """Mean over the tokens of x[B, N, C], giving [B, C]."""

    name: ClassVar[str] = "mean"

    def infer(self, *operands: TensorType) -> TensorType:
        x = operands[0]
        need(x.rank == 3, f"mean must see tokens [B, N, C], not {x}")
        return TensorType((x.shape[0], x.shape[2]))


@dataclass(frozen=True)
class Pool2d(Op):
    """Window pooling of x[B, C, H, W]; ``kind`` is ``max`` or ``avg`` (padding not counted unless ``include_pad``)."""

    name: ClassVar[str] = "pool2d"
    kind: str = "max"
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    include_pad: bool = False

    def infer(self, *operands: TensorType) -> TensorType:
        x = operands[0]
        need(self.kind in ("max", "avg"), f"pool2d kind must be max or avg, not {self.kind!r}")
        need(x.rank == 4, f"pool2d must see an image [B, C, H, W], not {x}")
        return TensorType((*x.shape[:2], *window_counts(x, self.kernel, self.stride, self.padding, (1, 1))))


@dataclass(frozen=True)
class Resize2d(Op):
    """Interpolate x[B, C, H, W] to ``height`` x ``width``; half-pixel ``linear`` or ``nearest``."""

    name: ClassVar[str] = "resize2d"
    height: int = 1
    width: int = 1
    mode: str = "linear"
    antialias: bool = False
    coordinates: str = "half_pixel"

    def infer(self, *operands: TensorType) -> TensorType:
        x = operands[0]
        need(x.rank == 4, f"resize2d must see an image [B, C, H, W], not {x}")
        return TensorType((*x.shape[:2], self.height, self.width))

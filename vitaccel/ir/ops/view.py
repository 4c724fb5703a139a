"""Views: the machine's layouts make most of them free."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from vitaccel.ir.ops.base import Op, broadcast, need
from vitaccel.ir.types import TensorType


@dataclass(frozen=True)
class ToTokens(Op):
    """x[B, C, H, W] as tokens [B, H*W, C]."""

    name: ClassVar[str] = "to_tokens"

    def infer(self, *operands: TensorType) -> TensorType:
        need(operands[0].rank == 4, f"to_tokens must see an image [B, C, H, W], not {operands[0]}")
        batch, channels, height, width = operands[0].static_shape
        return TensorType((batch, height * width, channels))


@dataclass(frozen=True)
class FromTokens(Op):
    """Tokens [B, H*W, C] as x[B, C, H, W]."""

    name: ClassVar[str] = "from_tokens"
    height: int = 1
    width: int = 1

    def infer(self, *operands: TensorType) -> TensorType:
        need(operands[0].rank == 3, f"from_tokens must see tokens [B, N, C], not {operands[0]}")
        batch, tokens, channels = operands[0].static_shape
        need(tokens == self.height * self.width, f"{tokens} tokens must be {self.height} x {self.width}")
        return TensorType((batch, channels, self.height, self.width))


@dataclass(frozen=True)
class Reshape(Op):
    """The same elements in another shape."""

    name: ClassVar[str] = "reshape"
    shape: tuple[int, ...] = ()

    def infer(self, *operands: TensorType) -> TensorType:
        need(operands[0].size == prod(self.shape), f"reshape of {operands[0]} to {self.shape} must keep its size")
        return TensorType(self.shape, operands[0].element)


@dataclass(frozen=True)
class Transpose(Op):
    """Axes in another order."""

    name: ClassVar[str] = "transpose"
    perm: tuple[int, ...] = ()

    def infer(self, *operands: TensorType) -> TensorType:
        need(sorted(self.perm) == list(range(operands[0].rank)), f"perm {self.perm} must permute {operands[0]}")
        return TensorType(tuple(operands[0].shape[p] for p in self.perm), operands[0].element)


@dataclass(frozen=True)
class Slice(Op):
    """Elements ``start`` to ``stop`` (exclusive) of one axis, all non-negative."""

    name: ClassVar[str] = "slice"
    axis: int = 0
    start: int = 0
    stop: int = 0

    def infer(self, *operands: TensorType) -> TensorType:
        shape = list(operands[0].static_shape)
        need(0 <= self.axis < len(shape), f"axis {self.axis} must be one of {operands[0]}")
        need(
            0 <= self.start < self.stop <= shape[self.axis], f"slice {self.start}:{self.stop} must lie in {operands[0]}"
        )
        shape[self.axis] = self.stop - self.start
        return TensorType(tuple(shape), operands[0].element)


@dataclass(frozen=True)
class Concat(Op):
    """Values joined along one axis."""

    name: ClassVar[str] = "concat"
    axis: int = 0

    def infer(self, *operands: TensorType) -> TensorType:
        shape = list(operands[0].static_shape)
        need(0 <= self.axis < len(shape), f"axis {self.axis} must be one of {operands[0]}")
        rest = [(o.rank, [d for a, d in enumerate(o.static_shape) if a != self.axis]) for o in operands]
        need(all(r == rest[0] for r in rest), "concat operands must agree in the other axes")
        shape[self.axis] = sum(o.static_shape[self.axis] for o in operands)
        return TensorType(tuple(shape), operands[0].element)


@dataclass(frozen=True)
class Broadcast(Op):
    """A value repeated to ``shape``, as NumPy broadcasts."""

    name: ClassVar[str] = "broadcast"
    shape: tuple[int, ...] = ()

    def infer(self, *operands: TensorType) -> TensorType:
        need(broadcast(operands[0].shape, self.shape) == self.shape, f"{operands[0]} must broadcast to {self.shape}")
        return TensorType(self.shape, operands[0].element)


@dataclass(frozen=True)
class Select(Op):
    """Row of a constant table chosen by an integer input (a task's gate). Operands: table[T, ...], index."""

    name: ClassVar[str] = "select"

    def infer(self, *operands: TensorType) -> TensorType:
        table, index = operands
        need(index.size == 1 and index.element == "i64", f"select index must be one integer, not {index}")
        return TensorType(table.shape[1:], table.element)

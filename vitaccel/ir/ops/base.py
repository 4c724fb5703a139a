"""The base of all operations, the leaves of the Graph, and the shape rules they share."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from vitaccel.ir.types import TensorType

Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]


@dataclass(frozen=True)
class Op:
    """Base of all operations."""

    name: ClassVar[str] = "op"

    def infer(self, *operands: TensorType) -> TensorType:
        """Type of the result; raises ``ValueError`` when the operands do not fit the op."""
        raise ValueError(f"the type of {self.name} must be given")

    def macs(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        """Multiply-accumulates, routed experts counted as routed."""
        return 0

    def macs_dense(self, operands: tuple[TensorType, ...], result: TensorType) -> int:
        """Multiply-accumulates if every expert ran on every token."""
        return self.macs(operands, result)

    def attributes(self) -> dict[str, object]:
        """Attributes that differ from their defaults, for printing."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}


def need(condition: bool, message: str) -> None:
    """Raise ``ValueError(message)`` unless the condition holds."""
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class Input(Op):
    """A graph input; no operands."""

    name: ClassVar[str] = "input"


@dataclass(frozen=True)
class Const(Op):
    """A constant whose array the Graph holds; ``parameter`` says whether it was learned."""

    name: ClassVar[str] = "const"
    parameter: bool = False


@dataclass(frozen=True)
class Foreign(Op):
    """Output ``output`` of an ONNX operator not recognised (yet); operands as in ONNX, absent optional ones dropped.

    ``present`` records which ONNX input positions the operands fill, e.g. ``(0, 2)``.
    """

    name: ClassVar[str] = "onnx"
    op_type: str = ""
    domain: str = ""
    attrs: tuple[tuple[str, Attribute], ...] = ()
    output: int = 0
    present: tuple[int, ...] = ()
    origin: str = ""

    def attr(self, key: str, default: Attribute | None = None) -> Attribute | None:
        """The value of an ONNX attribute, or the default."""
        return dict(self.attrs).get(key, default)


def broadcast(a: tuple[int | None, ...], b: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """NumPy broadcasting of two shapes."""
    rank = max(len(a), len(b))
    left, right = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    need(all(x == y or x == 1 or y == 1 for x, y in zip(left, right, strict=True)), f"{a} and {b} must broadcast")
    return tuple(y if x == 1 else x for x, y in zip(left, right, strict=True))


def window_counts(
    x: TensorType,
    kernel: tuple[int, ...],
    stride: tuple[int, int],
    padding: tuple[int, int, int, int],
    dilation: tuple[int, int],
) -> tuple[int, int]:
    """Number of window positions down and across an image."""
    height, width = x.static_shape[2:]
    tall = height + padding[0] + padding[2] - dilation[0] * (kernel[0] - 1) - 1
    wide = width + padding[1] + padding[3] - dilation[1] * (kernel[1] - 1) - 1
    need(tall >= 0 and wide >= 0, f"window {kernel} must fit into {x}")
    return tall // stride[0] + 1, wide // stride[1] + 1

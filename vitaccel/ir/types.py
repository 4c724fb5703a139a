"""Types of tensors: a shape, an element type and, once precision is assigned, a number format."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

Dim = int | None
"""A dimension; ``None`` is data-dependent (``NonZero``) and may not survive recognition."""

ELEMENTS = ("f32", "i64", "bool")
"""Element types of the Graph: fp16 and bf16 are widened on import, all integers become i64."""


@dataclass(frozen=True)
class TensorType:
    """Shape and element type of a Graph value.

    Parameters
    ----------
    shape
        Dimensions, outermost first; token tensors are ``(batch, tokens, channels)``.
    element
        One of :data:`ELEMENTS`.
    """

    shape: tuple[Dim, ...]
    element: str = "f32"

    def __post_init__(self) -> None:
        if self.element not in ELEMENTS:
            raise ValueError(f"element must be one of {', '.join(ELEMENTS)}, not {self.element!r}")

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def is_static(self) -> bool:
        """Whether every dimension is known."""
        return None not in self.shape

    @property
    def static_shape(self) -> tuple[int, ...]:
        """The shape when every dimension is known.

        Raises
        ------
        ValueError
            If a dimension is data-dependent.
        """
        dims = tuple(d for d in self.shape if d is not None)
        if len(dims) != len(self.shape):
            raise ValueError(f"shape must be static, not {self}")
        return dims

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.static_shape)

    def __str__(self) -> str:
        return f"{self.element}[{','.join('?' if d is None else str(d) for d in self.shape)}]"

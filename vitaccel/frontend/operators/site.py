"""One Foreign node under translation: what a rule may ask about it and what it may build."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from vitaccel.frontend.derive import derive
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Foreign, Op, Reshape, Transpose
from vitaccel.ir.types import TensorType


class RefusedError(Exception):
    """The node has no mapping to the machine; the text completes *X node 'n' must ...*."""


@dataclass
class Derived:
    """Constants made from others, so that a shared weight stays shared."""

    made: dict[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Site:
    """A Foreign node and the Graph it is in.

    Parameters
    ----------
    graph, name, op
        Where, and what.
    derived
        Shared by all sites of a translation.
    """

    graph: Graph
    name: str
    op: Foreign
    derived: Derived

    @property
    def type(self) -> TensorType:
        """Type of the node's value."""
        return self.graph[self.name].type

    def operand(self, position: int) -> str | None:
        """The Graph node at an ONNX input position, ``None`` if left out."""
        if position not in self.op.present:
            return None
        return self.graph[self.name].inputs[self.op.present.index(position)]

    def x(self, position: int = 0) -> str:
        """The Graph node at an ONNX input position that must be there."""
        found = self.operand(position)
        if found is None:
            raise RefusedError(f"have its input {position}")
        return found

    def const(self, position: int) -> np.ndarray | None:
        """The value of a constant operand; ``None`` if it is not constant or left out."""
        name = self.operand(position)
        return self.graph.array(name) if name is not None and self.graph.is_const(name) else None

    def type_of(self, name: str) -> TensorType:
        """Type of a Graph node."""
        return self.graph[name].type

    def ints(self, key: str, position: int | None = None) -> tuple[int, ...] | None:
        """Integers that an attribute holds or, in newer opsets, a constant input; ``None`` if neither does."""
        if position is not None and (array := self.const(position)) is not None:
            return tuple(int(v) for v in array.reshape(-1))
        value = self.op.attr(key)
        if value is None:
            return None
        return tuple(int(v) for v in value) if isinstance(value, tuple) else (int(value),)

    def number(self, key: str, default: float) -> float:
        """A numeric attribute."""
        value = self.op.attr(key, default)
        return float(value) if isinstance(value, int | float) else default

    def text(self, key: str, default: str) -> str:
        """A string attribute."""
        value = self.op.attr(key, default)
        return value if isinstance(value, str) else default

    def axis(self, default: int, *, rank: int) -> int:
        """The attribute ``axis`` as a non-negative number."""
        return int(self.number("axis", default)) % max(rank, 1)

    # -- building --------------------------------------------------------------------------------------------------
    def emit(self, op: Op, *inputs: str, also: Iterable[str] = ()) -> str:
        """Add a typed node that stands for this one (and for the ONNX nodes ``also``)."""
        return self.graph.add(op, inputs, sources=self.graph[self.name].sources | set(also))

    def reshape(self, name: str, shape: tuple[int, ...]) -> str:
        """The value in another shape; itself if it has that shape."""
        return name if self.type_of(name).shape == shape else self.emit(Reshape(shape), name)

    def transpose(self, name: str, perm: tuple[int, ...]) -> str:
        """The value with its axes in another order; itself if the order is the same."""
        return name if perm == tuple(range(len(perm))) else self.emit(Transpose(perm), name)

    def constant(self, array: np.ndarray, *, parameter: bool = False) -> str:
        """A new constant."""
        return self.graph.add_const(array, parameter=parameter, sources=self.graph[self.name].sources)

    def derive(self, source: str, key: str, make: Callable[[np.ndarray], np.ndarray]) -> str:
        """A constant computed from another; the same key gives the same node, and a parameter makes a parameter."""
        if (source, key) not in self.derived.made:
            array = self.graph.array(source)
            if make(array) is array:
                return source
            self.derived.made[source, key] = derive(self.graph, source, make)
        return self.derived.made[source, key]


Rule = Callable[[Site], str | None]
"""Builds typed nodes and returns the one that replaces the Foreign node; ``None`` leaves it for the recognisers."""

"""Networks of a few nodes, for what no zoo model has."""

from __future__ import annotations

import numpy as np

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input, LayerNorm, Linear, Op
from vitaccel.ir.types import TensorType


class Net:
    """A Graph under construction; every method returns the name of a value."""

    def __init__(self, *shape: int) -> None:
        self.graph = Graph("net")
        self.x = self.graph.add(Input(), type=TensorType(shape), name="x")

    def op(self, op: Op, *operands: str) -> str:
        return self.graph.add(op, operands)

    def const(self, *shape: int) -> str:
        return self.graph.add_const(np.ones(shape, np.float32), parameter=True)

    def linear(self, x: str, outputs: int) -> str:
        return self.op(Linear(), x, self.const(self.graph[x].type.static_shape[-1], outputs), self.const(outputs))

    def norm(self, x: str) -> str:
        width = self.graph[x].type.static_shape[-1]
        return self.op(LayerNorm(), x, self.const(width), self.const(width))

    def done(self, *outputs: str) -> Graph:
        self.graph.outputs = list(outputs)
        return self.graph

"""Scales and codes of a quantized Graph, as the oracle needs them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Input, Select
from vitaccel.ir.plan import Plan
from vitaccel.ir.views import base


class Scales:
    """Scales of values, and integers of constants and inputs, by Graph name."""

    def __init__(self, graph: Graph, plan: Plan, choices: Mapping[str, int]) -> None:
        self.graph, self.plan, self.choices = graph, plan, choices

    def of(self, value: str, element_bytes: int) -> np.ndarray:
        """One scale, or one for each channel, in the width in which the value is read or written."""
        node = self.graph[base(self.graph, value)]
        narrow = element_bytes == 1 and node.narrow_scale
        return np.array([node.narrow_scale]) if narrow else np.array(node.scale)

    def inner(self, value: str, at: int) -> float:
        return self.graph[value].inner_scale[at]

    def chain(self, root: str) -> list[str]:
        """The nodes of a kernel in order, from its root."""
        return [name for name in self.graph.topological() if name == root or self.graph[name].kernel == root]

    def array(self, name: str) -> np.ndarray:
        node = self.graph[name]
        if isinstance(node.op, Select):
            return self.graph.array(node.inputs[0])[self.choices[node.inputs[1]]]
        return self.graph.array(name)

    def of_constant(self, name: str) -> np.ndarray:
        return np.array(self.graph[name].scale)

    def codes(self, name: str) -> np.ndarray:
        """Integers of a constant: its numbers over its scales (of columns, or of an image's outputs)."""
        array, scale = self.array(name).astype(np.float64), self.of_constant(name)
        if scale.size > 1 and array.ndim == 4:
            scale = scale[:, None, None, None]
        if scale.size > 1 and array.ndim == 3:
            scale = scale.reshape(len(array), 1, -1)
        return np.rint(array / scale).astype(np.int64)

    def bias(self, name: str, step: np.ndarray) -> np.ndarray:
        """A bias in steps of the accumulator."""
        return np.rint(self.array(name).astype(np.float64) / step).astype(np.int64)

    def image(self, value: str, images: Mapping[str, np.ndarray], bits: int = 8) -> np.ndarray:
        """Codes of an input, ``[runs, *its shape]``."""
        name = value
        while not isinstance(self.graph[name].op, Input):
            name = self.graph[name].inputs[0]
        (step,) = self.of(value if self.graph[value].scale else name, bits // 8)
        limit = 1 << bits - 1
        codes = np.clip(np.floor(images[name].astype(np.float64) / step + 0.5), -limit, limit - 1).astype(np.int64)
        return codes.reshape(-1, *self.graph[value].type.static_shape)

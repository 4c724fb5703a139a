"""A quantized Graph beside its Plan: scales and integers of what kernels read and write."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vitaccel.errors import QuantizationError
from vitaccel.ir.graph import Graph, Node
from vitaccel.ir.ops import Const, Select
from vitaccel.ir.plan import Kernel, Plan
from vitaccel.ir.views import base, extent, real_users


class Model:
    """Scales and integers by name.

    Parameters
    ----------
    graph
        The compiled, quantized Graph.
    plan
        Its Plan.
    choices
        The row each integer input selects.
    """

    def __init__(self, graph: Graph, plan: Plan, choices: Mapping[str, int]) -> None:
        self.graph, self.plan, self.choices = graph, plan, choices

    @property
    def side(self) -> int:
        """P."""
        return self.plan.arch.array.side

    # -- values ----------------------------------------------------------------------------------------------------
    def node(self, value: str) -> Node:
        """The node behind free views."""
        return self.graph[base(self.graph, value)]

    def scale(self, value: str, element_bytes: int = 2) -> np.ndarray:
        """What one step of a value is worth, for the whole value or for each channel, in the width it is read in.

        Raises
        ------
        QuantizationError
            If the value was never quantized.
        """
        node = self.node(value)
        if element_bytes == 1 and node.narrow_scale:
            return np.array([node.narrow_scale])
        if not node.scale:
            raise QuantizationError(
                f"{node.label or value} ({node.op.name}) must have a scale to run in integers: run vitaccel quantize"
            )
        return np.array(node.scale)

    def one_scale(self, value: str, element_bytes: int = 2) -> float:
        """The scale of a value that has the same for all its channels."""
        scales = self.scale(value, element_bytes)
        if (scales != scales[0]).any():
            node = self.node(value)
            raise QuantizationError(
                f"{node.label or value} ({node.op.name}) must have one scale for all its channels, not several"
            )
        return float(scales[0])

    def inner(self, value: str, at: int) -> float:
        """Scale of a value inside a node."""
        node = self.node(value)
        if at >= len(node.inner_scale):
            raise QuantizationError(
                f"{node.label or value} ({node.op.name}) must have scales of what it computes inside: "
                "run vitaccel quantize"
            )
        return float(node.inner_scale[at])

    def fused(self, root: str) -> list[str]:
        """The nodes of a kernel, from its root to the one whose value it writes."""
        found = [root]
        while following := [u for u in real_users(self.graph, found[-1]) if self.graph[u].kernel == root]:
            found.append(following[0])
        return found

    def frames_tokens_channels(self, value: str) -> tuple[int, int, int]:
        """Extent of a value on the machine."""
        shape = extent(self.graph[value].type)
        return shape.frames, shape.tokens, shape.channels

    # -- constants -------------------------------------------------------------------------------------------------
    def array(self, name: str) -> tuple[np.ndarray, tuple[float, ...]]:
        """A constant and its scale; of a selected table the row that is chosen."""
        node = self.graph[name]
        if isinstance(node.op, Select):
            table, index = node.inputs
            row = self.choices[base(self.graph, index)]
            return self.graph.array(table)[row], self.graph[table].scale
        return self.graph.array(name), node.scale

    def integers(self, name: str, bits: int) -> tuple[np.ndarray, np.ndarray]:
        """Integers of a quantized constant, and its scales: one, or one for each of its columns.

        Raises
        ------
        QuantizationError
            If the constant was never quantized, or does not lie on its grid.
        """
        array, scale = self.array(name)
        node = self.graph[name]
        if not scale:
            raise QuantizationError(
                f"constant {name} of {self._user(name)} must have a scale to run in integers: run vitaccel quantize"
            )
        scales = np.array(scale, np.float64)
        exact = np.asarray(array, np.float64) / self._along(array, scales)
        codes = np.floor(exact + 0.5)
        limit = 1 << bits - 1
        if codes.size and (np.abs(exact - codes).max() > OFF_GRID or codes.min() < -limit or codes.max() >= limit):
            raise QuantizationError(
                f"constant {name} of {self._user(name)} must hold {bits}-bit multiples of its scale "
                f"({node.fmt or 'no format'}), not other numbers"
            )
        return codes.astype(np.int64), scales

    def _along(self, array: np.ndarray, scales: np.ndarray) -> np.ndarray:
        """Scales that broadcast with an array: of columns, of an image's outputs, or of each expert's columns."""
        if scales.size == 1:
            return scales.reshape(())
        if array.ndim == 4:
            return scales.reshape(-1, 1, 1, 1)
        return scales.reshape(array.shape[0], 1, -1) if array.ndim == 3 else scales

    def _user(self, name: str) -> str:
        users = self.graph.users(name)
        return (self.graph[users[0]].label or users[0]) if users else "nothing"

    def leaves(self) -> dict[str, np.ndarray]:
        """Integers ``[frames, tokens, channels]`` of the constants that kernels read as tensors of their own."""
        found = {}
        for name, tensor in self.plan.tensors.items():
            value = name.split(".i8.")[0].split(".i16.")[0]
            if tensor.kind == "constant" and value in self.graph and isinstance(self.graph[value].op, Const):
                codes, _ = self.integers(value, 8 * tensor.element_bytes)
                found[name] = codes.reshape(tensor.frames, tensor.tokens, tensor.channels)
        return found


OFF_GRID = 1e-2
"""Largest distance, in steps, of a stored constant from its grid: float32 keeps 127 steps to better than 1e-5."""


def stem(kernel: Kernel) -> str:
    """What the parameters and the table of a kernel are called in DRAM."""
    return f"{kernel.node}.{kernel.op}"

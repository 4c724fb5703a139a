"""The value of every node in float, or in float with every rounding that the machine makes.

Rounding half up and saturation are those of the integer contract; softmax, LayerNorm, square roots and activations are
exact here, so what this loses is the formats alone, not the approximations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from vitaccel.backends.float_graph.node import tensor_of, value_of
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Attention, Const, Input, Moe
from vitaccel.ir.views import base
from vitaccel.quantization.experts import Expert, head_mean, run_experts
from vitaccel.quantization.values import INNER, INNER_BITS, plan_values, reads_narrow

Inside = Callable[[str, str, Tensor], Tensor]
"""Called with a node, the name of a value inside it and that value; returns what goes on."""


def _as_it_is(_name: str, _stem: str, value: Tensor) -> Tensor:
    return value


class FloatMeaning:
    """Values of a Graph in float32.

    Parameters
    ----------
    graph
        A recognised Graph; constants are converted once and kept.
    inside
        Sees the values inside nodes, and may change them.
    """

    def __init__(self, graph: Graph, *, inside: Inside = _as_it_is) -> None:
        self.graph = graph
        self.inside = inside
        self._constants: dict[str, Tensor] = {}

    def constant(self, name: str) -> Tensor:
        """A constant as a tensor."""
        if name not in self._constants:
            self._constants[name] = tensor_of(self.graph.array(name))
        return self._constants[name]

    def forget(self, name: str) -> None:
        """Read a constant anew when it is next needed."""
        self._constants.pop(name, None)

    def exact(self, name: str, feeds: Mapping[str, np.ndarray], operands: Sequence[Tensor]) -> Tensor:
        """Value of a node before it is rounded, from what its operands are read as."""
        node = self.graph[name]
        if isinstance(node.op, Const):
            return self.constant(name)
        if isinstance(node.op, Input):
            return tensor_of(feeds[name])
        with torch.inference_mode():
            if isinstance(node.op, Moe):
                return run_experts(node.op, operands, self._expert_hook(name))
            if isinstance(node.op, Attention) and node.op.reuse == "head_mean_T":
                return self.inside(name, "mean", head_mean(operands[0])) @ operands[1]
            if isinstance(node.op, Activation) and node.kernel == name:
                operands = [self.inside(name, "pre", operands[0])]
        return value_of(self.graph, name, feeds, operands)

    def _expert_hook(self, name: str) -> Expert:
        return lambda stem, value: self.inside(name, stem, value)

    def read(self, name: str, operands: Sequence[Tensor]) -> list[Tensor]:
        """The operands as the node reads them."""
        return list(operands)

    def rounded(self, name: str, value: Tensor) -> Tensor:
        """The value as the machine keeps it."""
        return value

    def value(self, name: str, feeds: Mapping[str, np.ndarray], operands: Sequence[Tensor]) -> Tensor:
        """Value of a node as others see it."""
        return self.rounded(name, self.exact(name, feeds, self.read(name, operands)))


class QuantizedMeaning(FloatMeaning):
    """Values of a quantized Graph in float32, rounded wherever the machine rounds.

    Parameters
    ----------
    graph
        A Graph with scales.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__(graph, inside=self._round_inside)
        self.plans = plan_values(graph)

    def read(self, name: str, operands: Sequence[Tensor]) -> list[Tensor]:
        names = self.graph[name].inputs
        return [
            fake_quantize(value, self._narrow(operand), 8) if reads_narrow(self.graph, name, operand) else value
            for operand, value in zip(names, operands, strict=True)
        ]

    def _narrow(self, operand: str) -> Tensor:
        return torch.tensor(self.graph[base(self.graph, operand)].narrow_scale)

    def rounded(self, name: str, value: Tensor) -> Tensor:
        plan, node = self.plans.get(name), self.graph[name]
        if plan is None or not plan.rounded or not node.scale:
            return value
        return fake_quantize(value, channel_scale(node.scale, value.dim()), plan.bits)

    def _round_inside(self, name: str, stem: str, value: Tensor) -> Tensor:
        node = self.graph[name]
        if not node.inner_scale:
            return value
        at = INNER[node.op.name].index(stem)
        return fake_quantize(value, torch.tensor(node.inner_scale[at]), INNER_BITS[stem])


def channel_scale(scale: tuple[float, ...], rank: int) -> Tensor:
    """A value's scale as a tensor that broadcasts against it: channels are the last axis, or axis 1 of images."""
    tensor = torch.tensor(scale, dtype=torch.float32)
    if len(scale) == 1:
        return tensor[0]
    return tensor[:, None, None] if rank == 4 else tensor


def fake_quantize(value: Tensor, scale: Tensor, bits: int) -> Tensor:
    """The value on the grid of a signed width: rounded half up and saturated."""
    half = 2 ** (bits - 1)
    with torch.inference_mode():
        return torch.floor(value / scale + 0.5).clamp_(-half, half - 1).mul_(scale)


def walk(
    meaning: FloatMeaning, feeds: Mapping[str, np.ndarray], visit: Callable[[str, Tensor], None]
) -> dict[str, Tensor]:
    """Run one batch and return the outputs by name; ``visit`` sees every value once, and none outlives its readers."""
    graph = meaning.graph
    order = graph.topological()
    readers = Counter(operand for name in order for operand in graph[name].inputs) + Counter(graph.outputs)
    values: dict[str, Tensor] = {}
    for name in order:
        operands = graph[name].inputs
        values[name] = meaning.value(name, feeds, [values[i] for i in operands])
        visit(name, values[name])
        readers.subtract(operands)
        for operand in set(operands):
            if not readers[operand]:
                del values[operand]
    return {name: values[name] for name in graph.outputs}

"""Networks of one attention, with heads, widths, masks and reuses that no zoo model has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.backends.interpreter.networks import front, images_for
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, Attention, AttentionLogits, Input, LayerNorm, Linear, Op
from vitaccel.ir.types import TensorType
from vitaccel.quantization import quantize


class Net:
    """A Graph under construction, with random constants; every method returns the name of a value."""

    def __init__(self, seed: int) -> None:
        self.graph = Graph("net")
        self.generator = np.random.default_rng(seed)

    def input(self, *shape: int) -> str:
        return self.graph.add(Input(), type=TensorType(shape), name=f"x{len(self.graph.inputs)}")

    def op(self, op: Op, *operands: str) -> str:
        return self.graph.add(op, operands)

    def const(self, array: np.ndarray) -> str:
        return self.graph.add_const(np.asarray(array, np.float32), parameter=True)

    def normal(self, *shape: int) -> np.ndarray:
        return self.generator.standard_normal(shape).astype(np.float32)

    def linear(self, x: str, outputs: int) -> str:
        width = self.graph[x].type.static_shape[-1]
        weight, bias = self.normal(width, outputs) / np.sqrt(width), self.normal(outputs) / 10
        return self.op(Linear(), x, self.const(weight), self.const(bias))

    def norm(self, x: str) -> str:
        width = self.graph[x].type.static_shape[-1]
        return self.op(LayerNorm(), x, self.const(1 + self.normal(width) / 5), self.const(self.normal(width) / 10))

    def quantized(self, *outputs: str, seed: int, fraction: int = 6) -> Graph:
        """The network quantized on three images."""
        self.graph.outputs = list(outputs)
        graph = front(self.graph, fraction)
        return quantize(graph, images_for(graph, 3, seed))[0]


def attention_net(
    seed: int,
    *,
    heads: int = 3,
    dim: int = 6,
    value_dim: int = 0,
    queries: int = 13,
    keys: int = 21,
    batch: int = 1,
    reuse: str = "",
    residual: bool = False,
    mask: np.ndarray | None = None,
    sharpness: float = 1.0,
    fraction: int = 6,
) -> Graph:
    """Attention of one input to another, projected; with ``reuse`` also the way back, by the same logits.

    With ``residual`` the attention's own output is added to a stream, so that it is drained in 16 bits.
    """
    net, values = Net(seed), heads * (value_dim or dim)
    a, b = net.input(batch, queries, 10), net.input(batch, keys, 14)
    at, bt = net.linear(a, heads * dim), net.linear(b, heads * dim)
    masks: Sequence[str] = [net.const(mask)] if mask is not None else []
    logits = net.op(AttentionLogits(heads, sharpness / np.sqrt(dim)), at, bt, *masks)
    forth = net.op(Attention("none"), logits, net.linear(b, values))
    out = net.op(Add(), net.linear(a, values), forth) if residual else net.linear(forth, 11)
    outputs = [net.norm(out)]
    if reuse:
        back = net.op(Attention(reuse), logits, net.linear(a, values))
        outputs.append(net.norm(net.op(Add(), net.linear(b, values), back) if residual else net.linear(back, 9)))
    return net.quantized(*outputs, seed=seed, fraction=fraction)

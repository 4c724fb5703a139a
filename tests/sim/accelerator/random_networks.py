"""Random small transformers: tokens, widths, heads, MLP ratios and depths, none of them a multiple of P by choice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.backends.interpreter.attention_nets import Net
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Attention, AttentionLogits


@dataclass(frozen=True)
class Shape:
    """A transformer's sizes."""

    tokens: int
    inputs: int
    heads: int
    head_dim: int
    hidden: int
    blocks: int
    classes: int
    is_cross: bool

    @property
    def width(self) -> int:
        return self.heads * self.head_dim


def random_shape(random: np.random.Generator) -> Shape:
    """Sizes that fit a small machine in well under a second of simulation."""
    heads = int(random.integers(1, 5))
    head_dim = int(random.integers(3, 17))
    return Shape(
        tokens=int(random.integers(1, 40)),
        inputs=int(random.integers(6, 40)),
        heads=heads,
        head_dim=head_dim,
        hidden=int(random.integers(4, 80)),
        blocks=int(random.integers(1, 4)),
        classes=int(random.integers(1, 20)),
        is_cross=bool(random.integers(0, 2)),
    )


def random_network(seed: int) -> tuple[Shape, Graph]:
    """A transformer with random weights, quantized on three random images.

    Blocks are pre-norm self-attention and an MLP; with ``is_cross`` a second set of tokens exchanges with the first by
    one set of logits in both directions, as LookupViT's do.
    """
    random = np.random.default_rng(seed)
    shape, net = random_shape(random), Net(seed)
    x = net.linear(net.input(1, shape.tokens, shape.inputs), shape.width)
    other = net.linear(net.input(1, int(random.integers(1, 30)), 8), shape.width) if shape.is_cross else ""
    for _ in range(shape.blocks):
        if other:
            x, other = _exchange(net, shape, x, other)
        x = _attend(net, shape, x)
        x = _mlp(net, shape, x)
    out = net.linear(net.norm(x), shape.classes)
    outputs = [out, net.linear(net.norm(other), 5)] if other else [out]
    return shape, net.quantized(*outputs, seed=seed)


def _attend(net: Net, shape: Shape, x: str) -> str:
    y = net.norm(x)
    logits = _logits(net, shape, net.linear(y, shape.width), net.linear(y, shape.width))
    found = net.op(Attention("none"), logits, net.linear(y, shape.width))
    return net.op(Add(), x, net.linear(found, shape.width))


def _exchange(net: Net, shape: Shape, x: str, other: str) -> tuple[str, str]:
    y, z = net.norm(x), net.norm(other)
    logits = _logits(net, shape, net.linear(y, shape.width), net.linear(z, shape.width))
    forth = net.op(Attention("none"), logits, net.linear(z, shape.width))
    back = net.op(Attention("post_softmax_T"), logits, net.linear(y, shape.width))
    return (
        net.op(Add(), x, net.linear(forth, shape.width)),
        net.op(Add(), other, net.linear(back, shape.width)),
    )


def _logits(net: Net, shape: Shape, q: str, k: str) -> str:
    return net.op(AttentionLogits(shape.heads, 1 / np.sqrt(shape.head_dim)), q, k)


def _mlp(net: Net, shape: Shape, x: str) -> str:
    hidden = net.op(Activation("gelu"), net.linear(net.norm(x), shape.hidden))
    return net.op(Add(), x, net.linear(hidden, shape.width))

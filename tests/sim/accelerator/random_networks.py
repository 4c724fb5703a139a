"""Random small transformers: tokens, widths, heads, MLP ratios, experts and depths, no multiples of P by choice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.backends.interpreter.attention_nets import Net
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Attention, AttentionLogits, Linear, Moe

ROUTINGS = ("spread", "crowded", "ties")
"""How tokens choose: as they like; the same expert first, all of them; every expert as good as the others."""

FAVOUR = 40.0
"""By what the router rates the expert higher that all tokens choose first."""


@dataclass(frozen=True)
class Experts:
    """The experts of a transformer's every other block."""

    count: int
    k: int
    score: str
    capacity: int
    order: str
    routing: str


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
    experts: Experts | None = None

    @property
    def width(self) -> int:
        return self.heads * self.head_dim


def random_experts(random: np.random.Generator, tokens: int, routing: str) -> Experts:
    """Few or many, of which some are empty, or full: what a crowd leaves over, and what a capacity drops."""
    count = int(random.integers(1, 13))
    capacity = int(random.integers(1, tokens + 1)) if random.integers(0, 3) == 0 else 0
    return Experts(
        count=count,
        k=int(random.integers(1, min(4, count) + 1)),
        score=str(random.choice(["softmax_all", "softmax_topk", "renorm"])),
        capacity=capacity,
        order=str(random.choice(["token", "choice"])) if capacity else "",
        routing=routing,
    )


def random_shape(random: np.random.Generator, routing: str) -> Shape:
    """Sizes that fit a small machine in well under a second of simulation."""
    tokens = int(random.integers(1, 40))
    heads = int(random.integers(1, 5))
    head_dim = int(random.integers(3, 17))
    return Shape(
        tokens=tokens,
        inputs=int(random.integers(6, 40)),
        heads=heads,
        head_dim=head_dim,
        hidden=int(random.integers(4, 80)),
        blocks=int(random.integers(1, 4)),
        classes=int(random.integers(1, 20)),
        is_cross=bool(random.integers(0, 2)) and not routing,
        experts=random_experts(random, tokens, routing) if routing else None,
    )


def random_network(seed: int, *, routing: str = "") -> tuple[Shape, Graph]:
    """A transformer with random weights, quantized on three random images.

    Blocks are pre-norm self-attention and an MLP; with ``is_cross`` a second set of tokens exchanges with the first by
    one set of logits in both directions, as LookupViT's do. With *routing*, one of :data:`ROUTINGS`, the MLP of every
    other block is one of experts.
    """
    random = np.random.default_rng(seed)
    shape, net = random_shape(random, routing), Net(seed)
    x = net.linear(net.input(1, shape.tokens, shape.inputs), shape.width)
    other = net.linear(net.input(1, int(random.integers(1, 30)), 8), shape.width) if shape.is_cross else ""
    for block in range(shape.blocks):
        if other:
            x, other = _exchange(net, shape, x, other)
        x = _attend(net, shape, x)
        x = _mlp(net, shape, x) if shape.experts is None or block % 2 else _routed(net, shape, shape.experts, x)
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


def _routed(net: Net, shape: Shape, experts: Experts, x: str) -> str:
    width, hidden, count = shape.width, shape.hidden, experts.count
    y = net.norm(x)
    weight, bias = net.normal(width, count) / np.sqrt(width), np.zeros(count)
    if experts.routing == "crowded":
        bias[net.generator.integers(count)] = FAVOUR
    if experts.routing == "ties":
        weight = np.zeros((width, count))
    logits = net.op(Linear(), y, net.const(weight), net.const(bias))
    first = (net.normal(count, width, hidden) / np.sqrt(width), net.normal(count, hidden) / 10)
    second = (net.normal(count, hidden, width) / np.sqrt(hidden), net.normal(count, width) / 10)
    moe = Moe(count, experts.k, experts.score, capacity=experts.capacity, order=experts.order)
    return net.op(Add(), x, net.op(moe, y, logits, *(net.const(each) for each in (*first, *second))))

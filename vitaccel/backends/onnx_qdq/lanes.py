"""Work of the lanes: normalisation, activations, sums and products, means."""

from __future__ import annotations

from vitaccel.backends.onnx_qdq.emit import Site, emit
from vitaccel.ir import ops

PLAIN = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "hardswish": "HardSwish", "gelu": "Gelu"}
"""Activations that are an operator without attributes."""


@emit.register
def layernorm(op: ops.LayerNorm, site: Site) -> str:
    """``LayerNormalization`` over the last axis."""
    return site.op("LayerNormalization", *site.operands(), axis=-1, epsilon=op.eps)


@emit.register
def activation(op: ops.Activation, site: Site) -> str:
    """An operator, or arithmetic where there is none; of an 8-bit argument where the node has a scale for that."""
    x = site.x()
    if site.node.inner_scale:
        x = site.rounded(x, site.node.inner_scale[0], "int8", stem=f"{site.stem}.argument")
    return activated(site, op.kind, x)


def activated(site: Site, kind: str, x: str) -> str:
    """A function of each element of ``x``."""
    if kind in PLAIN:
        return site.op(PLAIN[kind], x)
    if kind == "gelu_tanh":
        return site.op("Gelu", x, approximate="tanh")
    if kind == "relu6":
        return site.op("Clip", x, site.builder.number(0.0), site.builder.number(6.0))
    if kind == "hardsigmoid":
        return site.op("HardSigmoid", x, alpha=1 / 6, beta=0.5)
    inner = x if kind == "silu" else site.op("Mul", x, site.builder.number(1.702))
    return site.op("Mul", x, site.op("Sigmoid", inner))


@emit.register
def add(_op: ops.Add, site: Site) -> str:
    """``Add``."""
    return site.op("Add", *site.operands())


@emit.register
def mul(_op: ops.Mul, site: Site) -> str:
    """``Mul``."""
    return site.op("Mul", *site.operands())


@emit.register
def softmax(_op: ops.Softmax, site: Site) -> str:
    """``Softmax`` over the last axis."""
    return site.op("Softmax", site.x(), axis=-1)


@emit.register
def mean(_op: ops.Mean, site: Site) -> str:
    """``ReduceMean`` over the tokens."""
    return site.op("ReduceMean", site.x(), site.builder.ints(1), keepdims=0)

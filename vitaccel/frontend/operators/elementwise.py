"""Operators that act on each element alone."""

from __future__ import annotations

import numpy as np

from vitaccel.frontend.operators.site import RefusedError, Rule, Site
from vitaccel.ir.ops import Activation, Add, Conv2d, Linear, Mul
from vitaccel.ir.types import TensorType


def add(site: Site) -> str | None:
    """A sum; a constant comes second, and is the bias when it follows a product without one."""
    a, b = _constant_second(site)
    return _with_bias(site, a, b) or site.emit(Add(), a, b)


def subtract(site: Site) -> str | None:
    """Subtracting a constant is adding its negative; the difference of two values is left to the recognisers."""
    a, b = site.x(0), site.x(1)
    if site.graph.is_const(b):
        negative = site.derive(b, "negative", np.negative)
        return _with_bias(site, a, negative) or site.emit(Add(), a, negative)
    if site.graph.is_const(a):
        return site.emit(Add(), site.emit(Mul(), b, site.constant(np.array(-1, np.float32))), a)
    return None


def multiply(site: Site) -> str | None:
    """A product; a constant comes second."""
    return site.emit(Mul(), *_constant_second(site))


def divide(site: Site) -> str | None:
    """Dividing by a constant is multiplying by its reciprocal."""
    a, b = site.x(0), site.x(1)
    values = site.const(1)
    if values is None or site.graph.is_const(a):
        return None
    if not values.all():
        raise RefusedError("divide by numbers that are not 0")
    return site.emit(Mul(), a, site.derive(b, "reciprocal", lambda v: np.float32(1) / v))


def negate(site: Site) -> str | None:
    """A product by -1."""
    return site.emit(Mul(), site.x(), site.constant(np.array(-1, np.float32)))


def activation(kind: str) -> Rule:
    """The rule of an operator that is one of the Graph's activations."""
    return lambda site: site.emit(Activation(kind), site.x())


def gelu(site: Site) -> str | None:
    """The erf form, or the tanh form if the attribute says so; a com.microsoft BiasGelu adds its bias first."""
    kind = "gelu_tanh" if site.text("approximate", "none") == "tanh" else "gelu"
    return site.emit(Activation(kind), site.x())


def bias_gelu(site: Site) -> str | None:
    """``Gelu(x + bias)``."""
    return site.emit(Activation("gelu"), _biased(site))


def fast_gelu(site: Site) -> str | None:
    """The tanh form of ``x (+ bias)``."""
    return site.emit(Activation("gelu_tanh"), _biased(site))


def quick_gelu(site: Site) -> str | None:
    """``x * sigmoid(alpha * x)``: SiLU at alpha 1, the sigmoid form of GELU at 1.702."""
    alpha = site.number("alpha", 1.702)
    kinds = {1.0: "silu", 1.702: "gelu_sigmoid"}
    kind = next((kind for value, kind in kinds.items() if abs(alpha - value) < 1e-6), None)
    if kind is None:
        raise RefusedError(f"have alpha 1 or 1.702, not {alpha:g}")
    return site.emit(Activation(kind), site.x())


def swish(site: Site) -> str | None:
    """``x * sigmoid(alpha * x)``, opset 24."""
    alpha = site.number("alpha", 1.0)
    if abs(alpha - 1) > 1e-6:
        raise RefusedError(f"have alpha 1, not {alpha:g}")
    return site.emit(Activation("silu"), site.x())


def clip(site: Site) -> str | None:
    """Clip to 0..6 is ReLU6, to 0.. is ReLU; any other stays, for HardSwish is made of some."""
    low, high = _bound(site, 1, "min"), _bound(site, 2, "max")
    kind = {(0.0, 6.0): "relu6", (0.0, None): "relu"}.get((low, high))  # type: ignore[arg-type]
    return site.emit(Activation(kind), site.x()) if kind else None


def hard_sigmoid(site: Site) -> str | None:
    """``clip(x / 6 + 1/2, 0, 1)``; other slopes have no table."""
    alpha, beta = site.number("alpha", 0.2), site.number("beta", 0.5)
    if abs(alpha - 1 / 6) > 1e-4 or abs(beta - 0.5) > 1e-4:
        raise RefusedError(f"have alpha 1/6 and beta 1/2, not {alpha:g} and {beta:g}")
    return site.emit(Activation("hardsigmoid"), site.x())


def _constant_second(site: Site) -> tuple[str, str]:
    a, b = site.x(0), site.x(1)
    return (b, a) if site.graph.is_const(a) and not site.graph.is_const(b) else (a, b)


def _biased(site: Site) -> str:
    bias = site.operand(1)
    if bias is None:
        return site.x()
    return (_with_bias(site, site.x(), bias) if site.graph.is_const(bias) else None) or site.emit(Add(), site.x(), bias)


def _with_bias(site: Site, x: str, constant: str) -> str | None:
    """The Linear or Conv2d that computes ``x``, with the constant as its bias, if it is nothing but that."""
    graph = site.graph
    node = graph[x]
    if not graph.is_const(constant) or not isinstance(node.op, Linear | Conv2d):
        return None
    if len(node.inputs) != 2 or graph.users(x) != [site.name] or x in graph.outputs:
        return None
    axis = 1 if isinstance(node.op, Conv2d) else node.type.rank - 1
    if not _is_along(graph[constant].type, axis, node.type):
        return None
    bias = site.derive(constant, "row", lambda v: v if v.ndim == 1 else v.reshape(-1))
    return site.emit(node.op, *node.inputs, bias, also=node.sources)


def _is_along(constant: TensorType, axis: int, result: TensorType) -> bool:
    """Whether a constant broadcasts to ``result`` by varying along one axis only."""
    offset = result.rank - constant.rank
    if offset < 0 or axis < offset or constant.static_shape[axis - offset] != result.shape[axis]:
        return False
    return constant.size == result.shape[axis]


def _bound(site: Site, position: int, key: str) -> float | None:
    values = site.const(position)
    if values is not None and values.size == 1:
        return float(values.reshape(-1)[0])
    if site.operand(position) is not None:
        raise RefusedError("have constant bounds")
    value = site.op.attr(key)
    return float(value) if isinstance(value, int | float) else None


RULES: dict[str, Rule] = {
    "Add": add,
    "Sub": subtract,
    "Mul": multiply,
    "Div": divide,
    "Neg": negate,
    "Relu": activation("relu"),
    "Sigmoid": activation("sigmoid"),
    "Tanh": activation("tanh"),
    "HardSwish": activation("hardswish"),
    "Gelu": gelu,
    "BiasGelu": bias_gelu,
    "FastGelu": fast_gelu,
    "QuickGelu": quick_gelu,
    "Swish": swish,
    "Clip": clip,
    "HardSigmoid": hard_sigmoid,
}

"""Layer normalisation that an exporter wrote as arithmetic (opset 16 and older have no operator for it)."""

from __future__ import annotations

import numpy as np

from vitaccel.frontend.derive import derive
from vitaccel.frontend.recognize.match import between, is_foreign, other, reduced_axes, scalar
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, LayerNorm, Mul, Reshape, Transpose

CHANNELS_LAST = (0, 2, 3, 1)
CHANNELS_FIRST = (0, 3, 1, 2)


def recognize_layernorm(graph: Graph) -> None:
    """Replace ``(x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) * gamma + beta`` by one LayerNorm.

    The mean runs over the last axis, or over the channels of an image. Either factor may come first; division may be by
    the root, by a power of 1/2, or a product with its reciprocal or a power of -1/2; gamma and beta may be absent.
    """
    for name in graph.topological():
        if name not in graph:
            continue
        root = _root(graph, name)
        matched = None if root is None else _variance(graph, root[0])
        if root is None or matched is None:
            continue
        x, axis, eps = matched
        for user in graph.users(name):
            if _divides(graph, user, name, inverse=root[1]) and _is_centred(graph, other(graph, user, name), x, axis):
                _replace(graph, user, x, axis, eps)
    graph.prune()


def _root(graph: Graph, name: str) -> tuple[str, bool] | None:
    """Return ``(v, False)`` for ``sqrt(v)`` and ``(v, True)`` for ``1 / sqrt(v)``."""
    node = graph[name]
    if is_foreign(graph, name, "Sqrt"):
        return node.inputs[0], False
    if is_foreign(graph, name, "Reciprocal") and is_foreign(graph, node.inputs[0], "Sqrt"):
        return graph[node.inputs[0]].inputs[0], True
    if is_foreign(graph, name, "Pow") and scalar(graph, node.inputs[1]) in (0.5, -0.5):
        return node.inputs[0], scalar(graph, node.inputs[1]) == -0.5
    if is_foreign(graph, name, "Div") and scalar(graph, node.inputs[0]) == 1.0:
        return (graph[node.inputs[1]].inputs[0], True) if is_foreign(graph, node.inputs[1], "Sqrt") else None
    return None


def _variance(graph: Graph, name: str) -> tuple[str, int, float] | None:
    """Return ``(x, axis, eps)`` when a value is the variance of ``x`` over that axis plus ``eps``."""
    if not isinstance(graph[name].op, Add):
        return None
    for mean, constant in (graph[name].inputs, graph[name].inputs[::-1]):
        eps = scalar(graph, constant)
        averaged = _mean_of(graph, mean)
        if eps is None or averaged is None:
            continue
        squares, axis = averaged
        node = graph[squares]
        squared = isinstance(node.op, Mul) and _same_value(graph, *node.inputs)
        squared |= is_foreign(graph, squares, "Pow") and scalar(graph, node.inputs[1]) == 2.0
        if squared and is_foreign(graph, node.inputs[0], "Sub"):
            x = graph[node.inputs[0]].inputs[0]
            if _is_centred(graph, node.inputs[0], x, axis):
                return x, axis, eps
    return None


def _mean_of(graph: Graph, name: str) -> tuple[str, int] | None:
    """Return ``(y, axis)`` when a value is the mean of ``y`` over its channels, that axis kept or put back."""
    shape = graph[name].type.shape
    if isinstance(graph[name].op, Reshape):
        name = graph[name].inputs[0]
    if not is_foreign(graph, name, "ReduceMean"):
        return None
    y, axes = graph[name].inputs[0], reduced_axes(graph, name)
    whole = graph[y].type.shape
    if axes is None or len(axes) != 1 or shape != (*whole[: axes[0]], 1, *whole[axes[0] + 1 :]):
        return None
    return (y, axes[0]) if axes[0] == len(whole) - 1 or (len(whole) == 4 and axes[0] == 1) else None


def _is_centred(graph: Graph, name: str, x: str, axis: int) -> bool:
    """Whether a value is ``x - mean(x)``."""
    if not is_foreign(graph, name, "Sub"):
        return False
    minuend, mean = graph[name].inputs
    return minuend == x and _mean_of(graph, mean) == (x, axis)


def _same_value(graph: Graph, left: str, right: str) -> bool:
    return left == right or (graph[left].op == graph[right].op and graph[left].inputs == graph[right].inputs)


def _divides(graph: Graph, user: str, root: str, *, inverse: bool) -> bool:
    if inverse:
        return isinstance(graph[user].op, Mul)
    return is_foreign(graph, user, "Div") and graph[user].inputs[1] == root


def _replace(graph: Graph, normal: str, x: str, axis: int, eps: float) -> None:
    channels = graph[x].type.shape[axis]
    if channels is None:
        return
    end, gamma = _affine(graph, normal, Mul, axis, channels)
    end, beta = _affine(graph, end, Add, axis, channels)
    sources = between(graph, end, [x, *(name for name in (gamma, beta) if name)])
    gamma = gamma or graph.add_const(np.ones(channels, np.float32))
    beta = beta or graph.add_const(np.zeros(channels, np.float32))
    vectors = [_vector(graph, name, channels) for name in (gamma, beta)]
    inner = axis != graph[x].type.rank - 1
    rows = graph.add(Transpose(CHANNELS_LAST), [x], sources=sources) if inner else x
    new = graph.add(LayerNorm(float(np.float32(eps))), [rows, *vectors], sources=sources)
    graph.replace_uses(end, graph.add(Transpose(CHANNELS_FIRST), [new], sources=sources) if inner else new)


def _affine(graph: Graph, name: str, kind: type[Mul] | type[Add], axis: int, channels: int) -> tuple[str, str | None]:
    """Return the only user and its constant when that user is the op by a constant per channel, else the value."""
    users = graph.users(name)
    if len(users) != 1 or name in graph.outputs or not isinstance(graph[users[0]].op, kind):
        return name, None
    constant = other(graph, users[0], name)
    shape, rank = graph[constant].type.shape, graph[name].type.rank
    at = axis - rank + len(shape)
    per_channel = graph.is_const(constant) and graph[constant].type.size == channels
    per_channel = per_channel and at >= 0 and len(shape) <= rank and shape[at] == channels
    return (users[0], constant) if per_channel else (name, None)


def _vector(graph: Graph, name: str, channels: int) -> str:
    if graph[name].type.shape == (channels,):
        return name
    node = graph[name]
    parameter = bool(node.op.attributes())
    return derive(graph, name, lambda array: array.reshape(channels), parameter=parameter)

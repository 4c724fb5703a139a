"""Layer normalisation that an exporter wrote as arithmetic (opset 16 and older have no operator for it)."""

from __future__ import annotations

import numpy as np

from vitaccel.frontend.recognize.match import between, is_foreign, other, reduced_axes, scalar
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, LayerNorm, Mul


def recognize_layernorm(graph: Graph) -> None:
    """Replace ``(x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) * gamma + beta`` by one LayerNorm.

    The mean runs over the last axis. Either factor may come first; division may be by the root, by a power of 1/2, or a
    product with its reciprocal or a power of -1/2; gamma and beta may be absent.
    """
    for name in graph.topological():
        if name not in graph:
            continue
        root = _root(graph, name)
        matched = None if root is None else _variance(graph, root[0])
        if root is None or matched is None:
            continue
        x, eps = matched
        for user in graph.users(name):
            if _divides(graph, user, name, inverse=root[1]) and _is_centred(graph, other(graph, user, name), x):
                _replace(graph, user, x, eps)
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


def _variance(graph: Graph, name: str) -> tuple[str, float] | None:
    """Return ``(x, eps)`` when a value is the variance of ``x`` over its last axis plus ``eps``."""
    if not isinstance(graph[name].op, Add):
        return None
    for mean, constant in (graph[name].inputs, graph[name].inputs[::-1]):
        eps = scalar(graph, constant)
        squares = _mean_of(graph, mean)
        if eps is None or squares is None:
            continue
        node = graph[squares]
        squared = isinstance(node.op, Mul) and _same_value(graph, *node.inputs)
        squared |= is_foreign(graph, squares, "Pow") and scalar(graph, node.inputs[1]) == 2.0
        if squared and is_foreign(graph, node.inputs[0], "Sub"):
            x = graph[node.inputs[0]].inputs[0]
            if _is_centred(graph, node.inputs[0], x):
                return x, eps
    return None


def _mean_of(graph: Graph, name: str) -> str | None:
    """Return ``y`` when a value is the mean of ``y`` over its last axis, that axis kept."""
    if not is_foreign(graph, name, "ReduceMean"):
        return None
    y = graph[name].inputs[0]
    kept = graph[name].type.rank == graph[y].type.rank
    return y if kept and reduced_axes(graph, name) == (graph[y].type.rank - 1,) else None


def _is_centred(graph: Graph, name: str, x: str) -> bool:
    """Whether a value is ``x - mean(x)``."""
    if not is_foreign(graph, name, "Sub"):
        return False
    minuend, mean = graph[name].inputs
    return minuend == x and _mean_of(graph, mean) == x


def _same_value(graph: Graph, left: str, right: str) -> bool:
    return left == right or (graph[left].op == graph[right].op and graph[left].inputs == graph[right].inputs)


def _divides(graph: Graph, user: str, root: str, *, inverse: bool) -> bool:
    if inverse:
        return isinstance(graph[user].op, Mul)
    return is_foreign(graph, user, "Div") and graph[user].inputs[1] == root


def _replace(graph: Graph, normal: str, x: str, eps: float) -> None:
    channels = graph[x].type.shape[-1]
    if channels is None:
        return
    end, gamma = _affine(graph, normal, Mul, channels)
    end, beta = _affine(graph, end, Add, channels)
    sources = between(graph, end, [x, *(name for name in (gamma, beta) if name)])
    gamma = gamma or graph.add_const(np.ones(channels, np.float32))
    beta = beta or graph.add_const(np.zeros(channels, np.float32))
    vectors = [_vector(graph, name, channels) for name in (gamma, beta)]
    new = graph.add(LayerNorm(float(np.float32(eps))), [x, *vectors], sources=sources)
    graph.replace_uses(end, new)


def _affine(graph: Graph, name: str, kind: type[Mul] | type[Add], channels: int) -> tuple[str, str | None]:
    """Return the only user and its constant when that user is the op by a constant per channel, else the value."""
    users = graph.users(name)
    if len(users) != 1 or name in graph.outputs or not isinstance(graph[users[0]].op, kind):
        return name, None
    constant = other(graph, users[0], name)
    shape = graph[constant].type.shape
    per_channel = graph.is_const(constant) and shape[-1:] == (channels,) and graph[constant].type.size == channels
    return (users[0], constant) if per_channel and len(shape) <= graph[name].type.rank else (name, None)


def _vector(graph: Graph, name: str, channels: int) -> str:
    if graph[name].type.shape == (channels,):
        return name
    node = graph[name]
    parameter = bool(node.op.attributes())
    return graph.add_const(graph.array(name).reshape(channels), parameter=parameter, sources=node.sources)

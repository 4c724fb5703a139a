"""The weights through which a value's channels go on, and how to scale their rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Conv2d, Linear, Mean, Moe, Select
from vitaccel.ir.views import base, real_users


@dataclass(frozen=True)
class Reader:
    """A constant whose rows belong to the channels of a value.

    Parameters
    ----------
    node
        The matmul.
    weight
        The constant.
    kind
        ``columns`` for [..., K, N], ``image`` for a convolution's [O, C, kh, kw].
    """

    node: str
    weight: str
    kind: str

    def matrix(self, graph: Graph) -> np.ndarray:
        """The weights as [K, columns]."""
        array = graph.array(self.weight)
        rows = np.moveaxis(array, 1, 0) if self.kind == "image" else np.moveaxis(array, -2, 0)
        matrix: np.ndarray = rows.reshape(rows.shape[0], -1)
        return matrix

    def scaled(self, graph: Graph, factors: np.ndarray) -> np.ndarray:
        """The weights with every row multiplied by the factor of its channel."""
        array = graph.array(self.weight)
        broadcast = factors[None, :, None, None] if self.kind == "image" else factors[:, None]
        product: np.ndarray = (array * broadcast).astype(np.float32)
        return product


def weight_readers(graph: Graph, value: str) -> list[Reader]:
    """Readers of a value when every one of them is a matmul by constants, or a mean over tokens before one; else none.

    Experts come with their router: both read the channels of their tokens.
    """
    found: list[Reader] = []
    for user in real_users(graph, value):
        op = graph[user].op
        if isinstance(op, Mean):
            behind = [] if user in graph.outputs else weight_readers(graph, user)
        else:
            behind = _readers_of(graph, user, value)
        if not behind:
            return []
        found.extend(reader for reader in behind if reader not in found)
    leaves = any(base(graph, output) == value for output in graph.outputs)
    return [] if leaves else found


def _readers_of(graph: Graph, user: str, value: str) -> list[Reader]:
    node = graph[user]
    if (
        not node.inputs
        or [base(graph, i) for i in node.inputs].count(value) != 1
        or base(graph, node.inputs[0]) != value
    ):
        return []
    if isinstance(node.op, Linear):
        weight = node.inputs[1]
        if isinstance(graph[weight].op, Select):
            weight = graph[weight].inputs[0]
        return [Reader(user, weight, "columns")] if graph.is_const(weight) else []
    if isinstance(node.op, Conv2d) and node.op.groups == 1 and graph.is_const(node.inputs[1]):
        return [Reader(user, node.inputs[1], "image")]
    if isinstance(node.op, Moe) and graph.is_const(node.inputs[2]):
        return [Reader(user, node.inputs[2], "columns")]
    return []


def mean_users(graph: Graph, value: str) -> list[str]:
    """Means over the tokens of a value, and means of those."""
    direct = [user for user in real_users(graph, value) if isinstance(graph[user].op, Mean)]
    return [*direct, *(further for user in direct for further in mean_users(graph, user))]


def replace_constant(graph: Graph, old: str, array: np.ndarray) -> str:
    """Put another array in the place of a constant, for all its users, and return its name."""
    node = graph[old]
    parameter = bool(getattr(node.op, "parameter", False))
    fresh = graph.add_const(array, parameter=parameter, sources=node.sources)
    graph.replace_uses(old, fresh)
    graph.remove(old)
    return fresh


def own_constants(graph: Graph) -> None:
    """Give every use of a constant its own copy (arrays are shared), so that each can be scaled by itself.

    A constant that several task gates select from is one use.
    """
    for name in graph.topological():
        if not graph.is_const(name):
            continue
        node = graph[name]
        uses = [(user, at) for user in graph.users(name) for at, i in enumerate(graph[user].inputs) if i == name]
        for user, at in uses[1:]:
            copy = graph.add_const(graph.array(name), parameter=False, sources=node.sources)
            inputs = list(graph[user].inputs)
            inputs[at] = copy
            graph.update(user, inputs=tuple(inputs))

"""The router: what a TopK chooses from, and which exports of one are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vitaccel.errors import UnsupportedError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, Foreign, Mul, Reshape, Slice, Softmax, Transpose

SUPPORTED = (
    "supported are routers that give each token its top k experts by softmax scores (over all experts, over the chosen,"
    " or renormalised), with or without a capacity, to experts of a linear layer, an activation and a linear layer, not"
    " gated ones (SwiGLU)"
)

_RANDOM = ("RandomNormalLike", "RandomUniformLike", "RandomNormal", "RandomUniform")


@dataclass(frozen=True)
class Router:
    """A TopK over experts.

    Parameters
    ----------
    title
        How to name the TopK in an error.
    outputs
        The TopK results that are used: scores, expert indices, or both.
    logits
        The value it ranks, before any softmax.
    experts
        Width E of that value.
    after_softmax
        Whether it ranks probabilities.
    ks
        What k can be, smallest first: k of the TopK, and what is cut from its results (M3ViT takes k + 1 and cuts k).
    """

    title: str
    outputs: tuple[str, ...]
    logits: str
    experts: int
    after_softmax: bool
    ks: tuple[int, ...]


def title(graph: Graph, name: str) -> str:
    """How an error names a node: its ONNX name and operator."""
    op = graph[name].op
    if isinstance(op, Foreign):
        return f"node {op.origin!r} ({op.op_type})"
    return f"node {min(graph[name].sources, default=name)!r} ({op.name})"


def drop_zero_noise(graph: Graph) -> None:
    """Remove noise that is multiplied by zero, as the M3ViT gate leaves it in an eval-mode export.

    Raises
    ------
    UnsupportedError
        If noise is added with another factor: the model is in training mode.
    """
    for name in [n for n, node in graph.nodes.items() if is_random(node.op)]:
        for total, product in _zero_terms(graph, name):
            kept = next((i for i in graph[total].inputs if i != product), None)
            if kept is None or graph[kept].type != graph[total].type:
                continue
            gone = graph[name].sources | graph[product].sources | graph[total].sources
            graph.update(kept, sources=graph[kept].sources | gone)
            graph.replace_uses(total, kept)


def is_random(op: object) -> bool:
    """Whether an operator draws random numbers."""
    return isinstance(op, Foreign) and op.op_type in _RANDOM


def _zero_terms(graph: Graph, noise: str) -> list[tuple[str, str]]:
    """The sums that noise enters, each with the product that enters, when every such product has a factor zero."""
    found: list[tuple[str, str]] = []
    stack = [(noise, False)]
    while stack:
        value, is_zero = stack.pop()
        for user in graph.users(value):
            if isinstance(graph[user].op, Mul):
                stack.append((user, is_zero or _has_zero_factor(graph, user)))
            elif not is_zero:
                raise UnsupportedError(
                    f"{title(graph, noise)} must be multiplied by zero, as in a model exported in eval mode,"
                    " not used as noise"
                )
            elif isinstance(graph[user].op, Add):
                found.append((user, value))
    return found


def _has_zero_factor(graph: Graph, name: str) -> bool:
    return any(graph.is_const(i) and not np.any(graph.array(i)) for i in graph[name].inputs)


def find_routers(graph: Graph, position: Mapping[str, int]) -> list[Router]:
    """Every TopK over the last axis, in canonical order.

    Parameters
    ----------
    graph
        The Graph.
    position
        Index of every live node in canonical order.

    Raises
    ------
    UnsupportedError
        If a TopK is no token-choice router.
    """
    outputs: dict[str, list[str]] = {}
    for name in position:
        op = graph[name].op
        if isinstance(op, Foreign) and op.op_type == "TopK":
            outputs.setdefault(op.origin, []).append(name)
    return [_router(graph, names) for names in outputs.values()]


def _router(graph: Graph, outputs: list[str]) -> Router:
    name = outputs[0]
    op, data = graph[name].op, graph[name].inputs[0]
    assert isinstance(op, Foreign)
    what = title(graph, name)
    shape = graph[data].type.shape
    for flag in ("largest", "sorted"):
        if op.attr(flag, 1) != 1:
            raise UnsupportedError(f"{what} must have {flag}=1, not {op.attr(flag)}; {SUPPORTED}")
    if op.attr("axis", -1) not in (-1, len(shape) - 1) or _turned(graph, data):
        raise UnsupportedError(f"{what} must choose experts for a token, not tokens for an expert; {SUPPORTED}")
    width = shape[-1]
    if width is None or not graph[data].type.is_static:
        raise UnsupportedError(f"{what} must rank a known number of experts, not {graph[data].type}; {SUPPORTED}")
    logits, after_softmax = _before_softmax(graph, data)
    if graph[logits].type.shape[-1] != width:
        raise UnsupportedError(f"{what} must rank the experts of a token; {SUPPORTED}")
    ks = _ks(graph, outputs)
    if not ks:
        raise UnsupportedError(f"{what} must have a constant k; {SUPPORTED}")
    return Router(what, tuple(outputs), logits, width, after_softmax, ks)


def _turned(graph: Graph, data: str) -> bool:
    """Whether the ranked value was transposed after its softmax: an expert then ranks tokens."""
    while True:
        node = graph[data]
        if isinstance(node.op, Transpose) and node.op.perm[-1] != len(node.op.perm) - 1:
            return True
        if not isinstance(node.op, Reshape | Softmax):
            return False
        data = node.inputs[0]


def _before_softmax(graph: Graph, data: str) -> tuple[str, bool]:
    name, passed = data, False
    while isinstance(graph[name].op, Softmax | Reshape):
        if isinstance(graph[name].op, Softmax):
            if passed:
                break
            passed = True
        elif graph[graph[name].inputs[0]].type.shape[-1] != graph[name].type.shape[-1]:
            break
        name = graph[name].inputs[0]
    return name, passed


def _ks(graph: Graph, outputs: list[str]) -> tuple[int, ...]:
    found: set[int] = set()
    for name in outputs:
        cuts = [u for u in graph.users(name) if isinstance(graph[u].op, Slice)]
        found.update(d for n in (name, *cuts) if (d := graph[n].type.shape[-1]) is not None)
    return tuple(sorted(found))

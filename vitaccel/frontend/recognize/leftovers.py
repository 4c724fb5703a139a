"""Attention that is almost, but not exactly, what the machine does: refused by name."""

from __future__ import annotations

from collections.abc import Iterator

from vitaccel.errors import UnsupportedError
from vitaccel.frontend.recognize.match import place
from vitaccel.frontend.recognize.scores import step_inward
from vitaccel.frontend.recognize.view import VIEW_OPS
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Activation, Add, Concat, Foreign, MatMul, Mul, Softmax

_LANE_OPS = (*VIEW_OPS, Activation, Add, Mul, Concat, Softmax, Foreign)
"""Ops that attention variants put between their products."""

_REACH = 24
"""How many ops back a walk goes."""


def refuse_leftovers(graph: Graph) -> None:
    """Raise when a product still reads a softmax of a product of activations.

    Raises
    ------
    UnsupportedError
        Naming the ONNX node in the way.
    """
    for name in graph.topological():
        if not isinstance(graph[name].op, MatMul):
            continue
        for softmax in _found_behind(graph, graph[name].inputs, Softmax):
            if any(True for _ in _found_behind(graph, graph[softmax].inputs, MatMul)):
                culprit = _culprit(graph, name, softmax)
                raise UnsupportedError(
                    f"attention must be softmax(scale * Q K^T + constant mask) V, or that with the probabilities "
                    f"transposed, not with {place(graph, culprit)} in between"
                )


def _found_behind(graph: Graph, start: tuple[str, ...], wanted: type) -> Iterator[str]:
    """Yield values of a kind that others are computed from by lane operations and views alone."""
    stack, seen = list(start), set(start)
    while stack and len(seen) <= _REACH:
        name = stack.pop()
        op = graph[name].op
        if isinstance(op, wanted):
            yield name
        if isinstance(op, _LANE_OPS):
            fresh = [operand for operand in graph[name].inputs if operand not in seen]
            seen.update(fresh)
            stack += fresh


def _culprit(graph: Graph, product: str, softmax: str) -> str:
    """Return the first value before the softmax, else the first behind it, that is no part of an attention."""
    name = graph[softmax].inputs[0]
    while not isinstance(graph[name].op, MatMul):
        inner = step_inward(graph, name)
        if inner is None:
            return name
        name = inner
    for user in graph.users(softmax):
        if not isinstance(graph[user].op, (*VIEW_OPS, MatMul)):
            return user
    return product

"""Attention scores traced back: a softmax argument as ``scale * a @ b + mask``, whatever is written in between."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from vitaccel.frontend.recognize.layout import Layout
from vitaccel.frontend.recognize.match import is_foreign, scalar, scaled
from vitaccel.frontend.recognize.view import VIEW_OPS, View, applied, whole
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, MatMul, Reshape, Transpose

MASK_LIMIT = 2**26
"""Largest mask, elements."""

CHAIN_LIMIT = 64
"""Most ops looked through on the way from a softmax or an operand back to what it is made of."""

HIDDEN = -1e4
"""A score that a ``Where`` replaces by this or less hides its key."""


@dataclass(frozen=True)
class Scores:
    """A softmax argument ``scale * S + mask``, where S is the product of two activations.

    Parameters
    ----------
    product
        Name of the MatMul, ``S[..., M, N]``.
    turned
        Whether the softmax sees the last two axes exchanged.
    shape
        Shape the softmax sees, ``(..., rows, keys)``.
    scale
        Factor of S.
    mask
        Constant added to the scaled scores, broadcastable to :attr:`shape`; None for nothing.
    sources
        ONNX nodes between the product and the softmax.
    """

    product: str
    turned: bool
    shape: tuple[int, ...]
    scale: float
    mask: np.ndarray | None
    sources: frozenset[str]


def trace_scores(graph: Graph, name: str) -> Scores | None:
    """Return a softmax argument as scores, or None when it is anything else."""
    chain: list[str] = []
    while not isinstance(graph[name].op, MatMul):
        inner = step_inward(graph, name)
        if inner is None or len(chain) == CHAIN_LIMIT:
            return None
        chain.append(name)
        name = inner
    shape = graph[name].type.static_shape
    layout = Layout.contiguous(shape)
    scale, mask = 1.0, np.zeros((), np.float32)
    sources: set[str] = set()
    for step in reversed(chain):
        node = graph[step]
        sources |= node.sources
        product = scaled(graph, step)
        if isinstance(node.op, Reshape | Transpose):
            arranged = applied(layout, node)
            moved = _moved(mask, node.op, graph[node.inputs[0]].type.static_shape)
            if arranged is None or moved is None:
                return None
            layout, mask = arranged, moved
        elif product is not None:
            scale *= product[1]
            with np.errstate(invalid="ignore"):  # -inf times 0: the NaN is refused with the mask
                mask = mask * np.float32(product[1])
        else:
            added = _added(graph, step)
            if prod(np.broadcast_shapes(mask.shape, added.shape)) > MASK_LIMIT:
                return None
            mask = mask + added
    end = graph[chain[0]].type.static_shape if chain else shape
    turned = _orientation(layout, shape, end)
    if turned is None:
        return None
    return Scores(name, turned, end, scale, mask if mask.any() else None, frozenset(sources))


def step_inward(graph: Graph, name: str) -> str | None:
    """Return the operand that carries the scores, or None when the op is none of those understood."""
    node = graph[name]
    if not node.type.is_static:
        return None
    if isinstance(node.op, Reshape | Transpose):
        return node.inputs[0]
    product = scaled(graph, name)
    if product is not None:
        return product[0]
    if isinstance(node.op, Add) and graph.is_const(node.inputs[1]):
        return node.inputs[0] if graph[node.inputs[0]].type.shape == node.type.shape else None
    chosen = _where(graph, name)
    return None if chosen is None else chosen[1]


def _where(graph: Graph, name: str) -> tuple[np.ndarray, str] | None:
    """Return ``(hidden, x)`` when a value is ``x`` with its hidden elements replaced by a very negative number."""
    node = graph[name]
    if not is_foreign(graph, name, "Where") or not graph.is_const(node.inputs[0]):
        return None
    condition, yes, no = node.inputs
    for x, fill, hidden in ((yes, no, ~graph.array(condition)), (no, yes, graph.array(condition))):
        value = scalar(graph, fill)
        if value is not None and value <= HIDDEN and graph[x].type.shape == node.type.shape:
            return hidden, x
    return None


def _added(graph: Graph, name: str) -> np.ndarray:
    """Return what an understood step adds to the scores."""
    node = graph[name]
    if isinstance(node.op, Add):
        return graph.array(node.inputs[1])
    chosen = _where(graph, name)
    assert chosen is not None
    return np.where(chosen[0], np.float32(-np.inf), np.float32(0))


def _moved(mask: np.ndarray, op: Reshape | Transpose, shape: tuple[int, ...]) -> np.ndarray | None:
    if mask.ndim == 0:
        return mask
    if prod(shape) > MASK_LIMIT:
        return None
    full = np.broadcast_to(mask, shape)
    return full.reshape(op.shape) if isinstance(op, Reshape) else full.transpose(op.perm)


def _orientation(layout: Layout, shape: tuple[int, ...], end: tuple[int, ...]) -> bool | None:
    """Return whether the last two axes are exchanged, or None when anything else is moved."""
    rows, keys = shape[-2:]
    flat = Layout.contiguous((prod(shape[:-2]), rows, keys))
    if end[-2:] == (rows, keys) and layout.same_elements(flat):
        return False
    if end[-2:] == (keys, rows) and layout.same_elements(flat.transpose((0, 2, 1))):
        return True
    return None


def peeled(graph: Graph, name: str) -> tuple[View, float]:
    """Return a value as a view times a scalar, looking through views and products by scalars alike."""
    chain: list[str] = []
    while len(chain) < CHAIN_LIMIT:
        node = graph[name]
        product = scaled(graph, name)
        if product is None and not isinstance(node.op, VIEW_OPS):
            break
        chain.append(name)
        name = node.inputs[0] if product is None else product[0]
    view, factor = whole(graph, name), 1.0
    for step in reversed(chain):
        product = scaled(graph, step)
        if product is not None:
            factor *= product[1]
            view = View(view.base, view.layout, view.sources | graph[step].sources)
            continue
        layout = applied(view.layout, graph[step])
        if layout is None:
            view, factor = whole(graph, step), 1.0
        else:
            view = View(view.base, layout, view.sources | graph[step].sources)
    return view, factor

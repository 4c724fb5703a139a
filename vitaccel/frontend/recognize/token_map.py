"""Linear maps over tokens that a file spells element by element: uneven pooling, window means, gathered sums."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np

from vitaccel.frontend.recognize.match import between, is_foreign, reduced_axes, scalar
from vitaccel.frontend.recognize.view import VIEW_OPS, Views
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, Foreign, Mul, Reshape, Slice, TokenMix, ToTokens, Transpose

TERM_LIMIT = 2**23
"""Most terms of one value; four times as many in all maps of a model."""

SEEDS = ("GatherND", "Gather", "ReduceMean", "ReduceSum")
"""Operators that begin a map; on their own they have no mapping."""


@dataclass(frozen=True)
class Terms:
    """Each element of a value as a weighted sum of elements of its base.

    Parameters
    ----------
    base
        Name of the base value.
    address, weight
        Address in the row-major base and factor of every term, both in the shape of the value and one axis of terms.
    """

    base: str
    address: np.ndarray
    weight: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.address.shape[:-1]


def recognize_token_map(graph: Graph) -> None:
    """Replace what gathers, masks, weights and sums tokens, the same way in every channel, by one ``token_mix``.

    PyTorch's dynamo exporter writes an adaptive pooling whose windows are uneven this way.
    """
    views = Views(graph)
    known: dict[str, Terms] = {}
    budget = 4 * TERM_LIMIT
    for name in graph.topological():
        terms = _step(graph, views, known, name) if budget > 0 else None
        if terms is not None:
            budget -= terms.address.size
            if terms.address.size <= TERM_LIMIT:
                known[name] = terms
    for name, terms in known.items():
        ends = name in graph.outputs or any(user not in known for user in graph.users(name))
        if ends:
            _replace(graph, name, terms)
    graph.prune()


def _step(graph: Graph, views: Views, known: dict[str, Terms], name: str) -> Terms | None:
    """Return a value as terms when it belongs to a map."""
    node = graph[name]
    if not node.type.is_static or node.type.element != "f32" or not node.inputs:
        return None
    given = [known.get(operand) for operand in node.inputs]
    if all(terms is None for terms in given):
        begins = is_foreign(graph, name, *SEEDS) and not graph.is_const(node.inputs[0])
        begun = _begun(graph, views, node.inputs[0]) if begins else None
        return None if begun is None else _foreign(graph, name, begun)
    first, second = given[0], given[-1]
    if isinstance(node.op, Add) and first is not None and second is not None:
        return _sum(first, second, node.type.static_shape) if first.base == second.base else None
    if isinstance(node.op, Mul) and first is not None and graph.is_const(node.inputs[1]):
        return _weighted(first, graph.array(node.inputs[1]), node.type.static_shape)
    if is_foreign(graph, name, "Where"):
        return _masked(graph, name, given)
    if first is None or len([terms for terms in given if terms is not None]) > 1:
        return None
    if isinstance(node.op, VIEW_OPS):
        return _viewed(first, node.op)
    return _foreign(graph, name, first) if isinstance(node.op, Foreign) else None


def _begun(graph: Graph, views: Views, name: str) -> Terms | None:
    view = views.of(name)
    if prod(view.shape) > TERM_LIMIT or graph[view.base].type.rank not in (3, 4):
        return None
    address = view.layout.indices()[..., None]
    return Terms(view.base, address, np.ones(address.shape, np.float32))


def _viewed(terms: Terms, op: object) -> Terms | None:
    count = terms.address.shape[-1]

    def moved(array: np.ndarray) -> np.ndarray:
        match op:
            case Reshape(shape=shape):
                return array.reshape(*shape, count)
            case Transpose(perm=perm):
                return array.transpose(*perm, array.ndim - 1)
            case Slice(axis=axis, start=start, stop=stop):
                return array[(slice(None),) * axis + (np.s_[start:stop],)]
        raise ValueError

    try:
        return replace(terms, address=moved(terms.address), weight=moved(terms.weight))
    except ValueError:
        return None


def _foreign(graph: Graph, name: str, terms: Terms) -> Terms | None:
    """Return a gather by constants, or a sum or mean over axes."""
    node = graph[name]
    op = node.op
    assert isinstance(op, Foreign)
    if op.op_type in ("Gather", "GatherND") and len(node.inputs) == 2 and graph.is_const(node.inputs[1]):
        indices = graph.array(node.inputs[1])
        if op.op_type == "Gather":
            axis = op.attr("axis", 0)
            place = (np.s_[:],) * (int(axis) % len(terms.shape) if isinstance(axis, int) else 0) + (indices,)
        elif op.attr("batch_dims", 0) == 0 and indices.shape[-1] <= len(terms.shape):
            place = tuple(np.moveaxis(indices, -1, 0))
        else:
            return None
        return replace(terms, address=terms.address[place], weight=terms.weight[place])
    if op.op_type in ("ReduceMean", "ReduceSum"):
        axes = reduced_axes(graph, name)
        return None if not axes else _reduced(terms, axes, node.type.static_shape, mean=op.op_type == "ReduceMean")
    return None


def _reduced(terms: Terms, axes: tuple[int, ...], shape: tuple[int, ...], *, mean: bool) -> Terms:
    kept = [axis for axis in range(len(terms.shape)) if axis not in axes]
    count = prod(terms.shape[axis] for axis in axes)
    order = (*kept, *axes, len(terms.shape))
    address, weight = (array.transpose(order).reshape(*shape, -1) for array in (terms.address, terms.weight))
    return replace(terms, address=address, weight=weight / np.float32(count) if mean else weight)


def _sum(first: Terms, second: Terms, shape: tuple[int, ...]) -> Terms | None:
    if first.shape != shape or second.shape != shape or 2 * first.address.size > TERM_LIMIT:
        return None
    return Terms(
        first.base,
        np.concatenate([first.address, second.address], axis=-1),
        np.concatenate([first.weight, second.weight], axis=-1),
    )


def _weighted(terms: Terms, factor: np.ndarray, shape: tuple[int, ...]) -> Terms | None:
    if terms.shape != shape:
        return None
    return replace(terms, weight=terms.weight * np.broadcast_to(factor, shape)[..., None].astype(np.float32))


def _masked(graph: Graph, name: str, given: list[Terms | None]) -> Terms | None:
    """Return ``where(constant, 0, x)`` or ``where(constant, x, 0)``."""
    condition, yes, no = graph[name].inputs
    if not graph.is_const(condition):
        return None
    keep = graph.array(condition) if given[1] is not None else ~graph.array(condition)
    terms, fill = (given[1], no) if given[1] is not None else (given[2], yes)
    if terms is None or scalar(graph, fill) != 0.0:
        return None
    return _weighted(terms, keep, graph[name].type.static_shape)


def _replace(graph: Graph, name: str, terms: Terms) -> None:
    """Replace a value by ``token_mix`` if it maps the tokens of its base alike in every image and channel."""
    base, shape = graph[terms.base].type.static_shape, graph[name].type.static_shape
    image = len(base) == 4
    batch, channels = base[0], base[1] if image else base[2]
    places = prod(base) // (batch * channels)
    first = shape[:2] == (batch, channels)
    if len(shape) < 3 or not (first or (shape[0], shape[-1]) == (batch, channels)):
        return
    tokens = prod(shape) // (batch * channels)
    address, weight = (
        (a.reshape(batch, channels, tokens, -1) if first else a.reshape(batch, tokens, channels, -1).swapaxes(1, 2))
        for a in (terms.address, terms.weight)
    )
    batches, inside = address // (channels * places), address % (channels * places)
    channel, place = (inside // places, inside % places) if image else (inside % channels, inside // channels)
    own = (batches == np.arange(batch)[:, None, None, None]) & (channel == np.arange(channels)[:, None, None])
    alike = bool((place == place[:1, :1]).all()) and bool((weight == weight[:1, :1]).all())
    if not alike or not (own | (weight == 0)).all():
        return
    matrix = np.zeros((tokens, places), np.float32)
    np.add.at(matrix, (np.arange(tokens)[:, None], place[0, 0]), weight[0, 0])
    if (np.count_nonzero(matrix, axis=1) <= 1).all():
        return
    sources = between(graph, name, [terms.base])
    x = graph.add(ToTokens(), [terms.base], sources=sources) if image else terms.base
    new = graph.add(TokenMix("pool"), [x, graph.add_const(matrix, sources=sources)], sources=sources)
    turned = graph.add(Transpose((0, 2, 1)), [new]) if first else new
    graph.replace_uses(name, graph.add(Reshape(shape), [turned]))

"""Token resampling: compressed tokens as a constant matrix times the lookup tokens (LookupViT)."""

from __future__ import annotations

import numpy as np

from vitaccel.frontend.qdq.marks import put_scale
from vitaccel.frontend.recognize.interpolation import pool_matrix, resize_matrix
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Add, Const, FromTokens, Pool2d, Resize2d, TokenMix, ToTokens

TABLE_TOLERANCE = 1e-5
"""Largest difference, relative to the largest position, of a resampled position table from its matrix product."""


def recognize_tokens(graph: Graph) -> None:
    """Write every resampling of a token grid as ``token_mix``, and resample positions with the tokens.

    A resize or average pooling counts as resampling when both what it reads and what it makes are used as tokens.
    ``M x + T`` becomes ``M (x + P)`` when ``T = M P`` and the sum ``x + P`` is there: by linearity it is the same, and
    exporters differ in whether they keep the two resamplings of LookupViT apart. A matrix whose rows are averages is a
    resampling that the file stores, not a learned parameter.
    """
    for name in graph.topological():
        if isinstance(graph[name].op, Resize2d | Pool2d):
            _resample(graph, name)
        elif isinstance(graph[name].op, TokenMix):
            _disown_average(graph, graph[name].inputs[1])
    graph.prune()
    for name in graph.topological():
        if isinstance(graph[name].op, Add):
            _join_positions(graph, name)
    graph.prune()


def _resample(graph: Graph, name: str) -> None:
    node = graph[name]
    users = graph.users(name)
    if name in graph.outputs or not all(isinstance(graph[user].op, ToTokens) for user in users):
        return
    tokens = _tokens_of(graph, node.inputs[0])
    height, width = graph[node.inputs[0]].type.static_shape[2:]
    matrix, kind = None, "pool"
    if isinstance(node.op, Resize2d):
        matrix, kind = resize_matrix(node.op, height, width), "resize"
    elif isinstance(node.op, Pool2d):
        matrix = pool_matrix(node.op, height, width)
    if tokens is None or matrix is None:
        return
    sources = node.sources.union(*(graph[user].sources for user in users))
    if isinstance(graph[node.inputs[0]].op, FromTokens):
        sources |= graph[node.inputs[0]].sources
    constant = graph.add_const(matrix, sources=node.sources)
    new = graph.add(TokenMix(kind), [tokens, constant], sources=sources)
    for user in users:
        graph.replace_uses(user, new)
    if node.scale:
        put_scale(graph, new, node.scale, node.fmt)


def _disown_average(graph: Graph, matrix: str) -> None:
    array = graph.array(matrix)
    rounding = _lost(graph, matrix) * np.count_nonzero(array, axis=1).max()
    averages = (array >= 0).all() and np.abs(array.sum(axis=1) - 1).max() <= TABLE_TOLERANCE + rounding
    if averages and all(isinstance(graph[user].op, TokenMix) for user in graph.users(matrix)):
        graph.update(matrix, op=Const(parameter=False))


def _tokens_of(graph: Graph, image: str) -> str | None:
    """Return the tokens that an image is made of or made into, or None when it is used as an image alone."""
    node = graph[image]
    if isinstance(node.op, FromTokens):
        return node.inputs[0]
    return next((user for user in graph.users(image) if isinstance(graph[user].op, ToTokens)), None)


def _join_positions(graph: Graph, name: str) -> None:
    mixed, table = graph[name].inputs
    node = graph[mixed]
    if not isinstance(node.op, TokenMix) or not graph.is_const(table) or graph.users(mixed) != [name]:
        return
    x, matrix = node.inputs
    for total in graph.users(x):
        if not isinstance(graph[total].op, Add) or graph[total].inputs[0] != x:
            continue
        positions = graph[total].inputs[1]
        if graph.is_const(positions) and _is_product(graph, matrix, positions, table):
            sources = node.sources | graph[name].sources
            graph.replace_uses(name, graph.add(node.op, [total, matrix], sources=sources))
            return


def _is_product(graph: Graph, matrix: str, positions: str, table: str) -> bool:
    """Whether ``table`` is ``matrix @ positions``."""
    wide, narrow = graph.array(positions), graph.array(table)
    if wide.ndim != 3 or wide.shape[0] != 1 or wide.shape[1] != graph[matrix].type.shape[1]:
        return False
    product = graph.array(matrix) @ wide[0]
    if narrow.size != product.size:
        return False
    difference = np.abs(product - narrow.reshape(product.shape)).max()
    # A file may have rounded each of the two tables, and the matrix spreads what the wide one lost.
    rounding = _lost(graph, table) + _lost(graph, positions) * float(np.abs(graph.array(matrix)).sum(1).max())
    return bool(difference <= TABLE_TOLERANCE * max(float(np.abs(wide).max()), 1e-30) + rounding)


def _lost(graph: Graph, name: str) -> float:
    """What rounding took from a number of a constant at most: half a step, twice where a step was replaced."""
    grid = graph.grid(name)
    return 0.0 if grid is None else float(np.abs(grid.steps).max())

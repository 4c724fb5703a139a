"""One spelling of linear layers: biases and channel scales inside, fused projections apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from vitaccel.frontend.derive import derive
from vitaccel.frontend.recognize.match import other
from vitaccel.frontend.recognize.scale import slice_scale
from vitaccel.ir.graph import Graph, is_parameter
from vitaccel.ir.ops import Add, Linear, Mul, Slice


def recognize_linear(graph: Graph) -> None:
    """Merge a constant sum or product per channel into the Linear before it, and split fused projections.

    A product (LayerScale) and the bias after a bias are folded away: ``graph.folded_parameters`` keeps their count. A
    Linear that is only read in disjoint slices of its channels becomes one Linear per slice, on views of its weights.
    """
    for name in graph.topological():
        if name in graph and isinstance(graph[name].op, Add | Mul):
            _merge(graph, name)
    graph.prune()
    for name in graph.topological():
        if isinstance(graph[name].op, Linear):
            _split(graph, name)
    graph.prune()


def _merge(graph: Graph, name: str) -> None:
    """Fold ``linear(x) * c`` or ``linear(x) + c`` into the Linear when nothing else reads it or its constants."""
    product = isinstance(graph[name].op, Mul)
    for constant in graph[name].inputs:
        linear = other(graph, name, constant)
        node = graph[linear]
        if not isinstance(node.op, Linear) or graph[constant].type.shape != node.type.shape[-1:]:
            continue
        alone = graph.users(linear) == [name] and linear not in graph.outputs
        shared = product and any(len(graph.users(operand)) > 1 for operand in node.inputs[1:])
        if not graph.is_const(constant) or not alone or shared or not graph.is_const(node.inputs[1]):
            continue
        operands = _scaled(graph, linear, constant) if product else _shifted(graph, linear, constant)
        new = graph.add(Linear(), [node.inputs[0], *operands], sources=node.sources | graph[name].sources)
        graph.replace_uses(name, new)
        return


def _scaled(graph: Graph, linear: str, constant: str) -> list[str]:
    _count_folded(graph, constant)
    return [_derived(graph, operand, constant, np.multiply) for operand in graph[linear].inputs[1:]]


def _shifted(graph: Graph, linear: str, constant: str) -> list[str]:
    weight, *bias = graph[linear].inputs[1:]
    if not bias:
        return [weight, constant]
    _count_folded(graph, constant)
    return [weight, _derived(graph, bias[0], constant, np.add)]


def _derived(graph: Graph, name: str, constant: str, how: np.ufunc) -> str:
    by = graph.array(constant)
    return derive(graph, name, lambda array: how(array, by, dtype=np.float32), sources=graph[constant].sources)


def _count_folded(graph: Graph, constant: str) -> None:
    """Keep the count of a parameter that disappears, once however many layers share it."""
    if is_parameter(graph[constant]) and len(graph.users(constant)) == 1:
        graph.folded_parameters += graph[constant].type.size


def _split(graph: Graph, name: str) -> None:
    """Give every slice of a fused projection a Linear of its own."""
    node = graph[name]
    users = graph.users(name)
    cuts = {user: op for user in users if isinstance(op := graph[user].op, Slice) and op.axis == node.type.rank - 1}
    constants = node.inputs[1:]
    shared = any(not graph.is_const(c) or len(graph.users(c)) > 1 for c in constants)
    if len(cuts) < 2 or len(cuts) < len(users) or name in graph.outputs or shared:
        return
    bounds = sorted({(op.start, op.stop) for op in cuts.values()})
    if any(before[1] > after[0] for before, after in pairwise(bounds)):
        return
    width = node.type.static_shape[-1]
    unread = width - sum(stop - start for start, stop in bounds)
    if is_parameter(graph[constants[0]]):
        graph.folded_parameters += unread * sum(graph[c].type.size // width for c in constants)
    made = {cut: _part(graph, node.inputs[0], constants, cut, node.sources) for cut in bounds}
    for user, op in cuts.items():
        new = made[op.start, op.stop]
        fmt = graph[user].fmt if graph[user].scale else node.fmt
        graph.update(new, scale=slice_scale(graph, user), fmt=fmt, narrow_scale=node.narrow_scale)
        graph.update(new, sources=graph[new].sources | graph[user].sources)
        graph.replace_uses(user, new)


def _part(graph: Graph, x: str, constants: Sequence[str], cut: tuple[int, int], sources: frozenset[str]) -> str:
    operands = [x]
    for name in constants:
        operands.append(derive(graph, name, lambda array: array[..., cut[0] : cut[1]]))
    return graph.add(Linear(), operands, sources=sources)

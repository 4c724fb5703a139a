"""Means over any axes that no other pattern took, such as those of einops over tokens with the channels first."""

from __future__ import annotations

from math import prod

from vitaccel.frontend.recognize.match import is_foreign, reduced_axes
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Mean, Reshape, Transpose


def recognize_mean(graph: Graph) -> None:
    """Replace every ``ReduceMean`` left by a ``mean`` over tokens, transposed and reshaped to have the axes as those.

    Layer normalisation, attention and token maps must have taken theirs.
    """
    for name in graph.topological():
        if is_foreign(graph, name, "ReduceMean") and graph[graph[name].inputs[0]].type.is_static:
            axes = reduced_axes(graph, name)
            if axes:
                _replace(graph, name, axes)
    graph.prune()


def _replace(graph: Graph, name: str, axes: tuple[int, ...]) -> None:
    x, sources = graph[name].inputs[0], graph[name].sources
    shape = graph[x].type.static_shape
    kept = [axis for axis in range(len(shape)) if axis not in axes]
    perm = (*kept[:1], *axes, *kept[1:])
    turned = graph.add(Transpose(perm), [x], sources=sources)
    sizes = [prod(shape[axis] for axis in group) for group in (kept[:1], axes, kept[1:])]
    tokens = graph.add(Reshape((sizes[0], sizes[1], sizes[2])), [turned], sources=sources)
    mean = graph.add(Mean(), [tokens], sources=sources)
    graph.replace_uses(name, graph.add(Reshape(graph[name].type.static_shape), [mean], sources=sources))

"""A constant made from another one: its elements moved, repeated or scaled, its grid with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from vitaccel.ir.graph import Graph, is_parameter


def derive(
    graph: Graph,
    name: str,
    make: Callable[[np.ndarray], np.ndarray],
    *,
    parameter: bool | None = None,
    sources: Iterable[str] = (),
) -> str:
    """Add a constant computed from another, and return its name.

    Parameters
    ----------
    graph, name
        The constant.
    make
        Gives the new array from the old; it is applied to the steps of a quantized constant as well, so it must depend
        on nothing but positions: move, repeat, leave out or scale elements.
    parameter
        Whether the result counts as learned; as the old one does by default.
    sources
        ONNX nodes that it stands for, besides those of the old one.
    """
    node, array, grid = graph[name], graph.array(name), graph.grid(name)
    made = np.asarray(make(array))
    moved = None if grid is None else grid.through(array.shape, made.shape, make)
    learned = is_parameter(node) if parameter is None else parameter
    return graph.add_const(made, parameter=learned, sources=node.sources.union(sources), grid=moved)

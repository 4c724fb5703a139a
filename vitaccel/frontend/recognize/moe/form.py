"""The form of a region: what is left of it without names and without the experts' weights."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from vitaccel.frontend.recognize.moe.region import Region
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Foreign, Op


def form(graph: Graph, logits: str, regions: Sequence[Region], weights: Iterable[str]) -> Hashable:
    """A key equal for two layers iff they are written alike, so that what is proven for one holds for the other.

    Parameters
    ----------
    graph
        The Graph.
    logits
        The router logits.
    regions
        One layer up to ever later ends.
    weights
        Constants whose values do not count, only their shapes and their places.
    """
    region = regions[-1]
    number: dict[str, Hashable] = {region.tokens: "tokens", logits: "logits"}
    for name in weights:
        number.setdefault(name, ("weight", len(number), graph[name].type.shape))
    for name in region.constants:
        if name not in number:
            number[name] = _digest(graph.array(name))
    lines: list[Hashable] = []
    for name in region.nodes:
        node = graph[name]
        lines.append((_nameless(node.op), node.type.shape, tuple(number[i] for i in node.inputs)))
        number[name] = len(lines)
    sides = graph[region.tokens].type.shape, graph[logits].type.shape
    return sides, tuple(number[r.end] for r in regions), tuple(lines)


def _digest(array: np.ndarray) -> Hashable:
    return "constant", array.shape, str(array.dtype), hashlib.sha256(array.tobytes()).hexdigest()


def _nameless(op: Op) -> Hashable:
    if isinstance(op, Foreign):
        return op.op_type, op.domain, op.attrs, op.output, op.present
    return op

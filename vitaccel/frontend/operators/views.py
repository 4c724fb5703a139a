"""Operators that only move elements: reshapes, transposes, slices, joins and repetitions."""

from __future__ import annotations

import numpy as np

from vitaccel.frontend.operators.site import RefusedError, Rule, Site
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Broadcast, Concat, Input, Pool2d, Reshape, Select, Slice


def reshape(site: Site) -> str | None:
    """Reshape, Flatten, Squeeze and Unsqueeze: the result's shape says it all."""
    return site.reshape(site.x(), site.type.static_shape)


def transpose(site: Site) -> str | None:
    """Axes in another order; reversed by default."""
    rank = site.type.rank
    return site.transpose(site.x(), site.ints("perm") or tuple(reversed(range(rank))))


def slice_(site: Site) -> str | None:
    """Slices, one axis at a time; a step over the rows or columns of an image is a pooling by windows of one pixel."""
    x = site.x()
    starts, ends = site.const(1), site.const(2)
    if starts is None or ends is None or any(site.operand(p) and site.const(p) is None for p in (3, 4)):
        raise RefusedError("have constant bounds")
    shape = site.type_of(x).static_shape
    axes = [int(a) % len(shape) for a in (range(starts.size) if site.const(3) is None else site.const(3).reshape(-1))]  # type: ignore[union-attr]
    steps = [1] * len(axes) if site.const(4) is None else site.const(4).reshape(-1).tolist()  # type: ignore[union-attr]
    bounds = zip(axes, starts.reshape(-1).tolist(), ends.reshape(-1).tolist(), steps, strict=True)
    strides = {axis: step for axis, step in zip(axes, steps, strict=True) if step != 1}
    if strides and (len(shape) != 4 or min(steps) < 1 or not (strides.keys() <= {1, 2} or strides.keys() <= {2, 3})):
        raise RefusedError("have step 1, or a positive step over the height and width of an image")
    for axis, first, last, step in sorted(bounds):
        start, stop, _ = slice(first, last, step).indices(shape[axis])
        x = _cut(site, x, axis, start, stop)
    return _every(site, x, strides) if strides else x


def _every(site: Site, x: str, strides: dict[int, int]) -> str:
    """Rows and columns of an image at these steps, whose channels are in front of them or behind."""
    last = 3 not in strides and 1 in strides
    image = site.transpose(x, (0, 3, 1, 2)) if last else x
    height, width = (1, 2) if last else (2, 3)
    pool = Pool2d("max", (1, 1), (strides.get(height, 1), strides.get(width, 1)))
    found = site.emit(pool, image)
    return site.transpose(found, (0, 2, 3, 1)) if last else found


def split(site: Site) -> str | None:
    """One output of a Split is a slice."""
    x = site.x()
    shape = site.type_of(x).static_shape
    axis = site.axis(0, rank=len(shape))
    width = site.type.static_shape[axis]
    sizes = site.ints("split", 1)
    # Without sizes all parts are equal, but the last of num_outputs parts (opset 18) may be smaller.
    parts = int(site.number("num_outputs", 0))
    largest = -(-shape[axis] // parts) if parts else width
    start = sum(sizes[: site.op.output]) if sizes else site.op.output * largest
    return _cut(site, x, axis, start, start + width)


def gather(site: Site) -> str | None:
    """Gather by consecutive constant indices is a slice, by an integer input a Select."""
    x, index = site.x(0), site.x(1)
    shape = site.type_of(x).static_shape
    axis = site.axis(0, rank=len(shape))
    indices = site.const(1)
    if indices is None:
        return _select(site, x, index, axis)
    if indices.size == 0:
        raise RefusedError("gather at least one element")
    flat = np.where(indices < 0, indices + shape[axis], indices).reshape(-1)
    if not np.array_equal(flat, np.arange(flat[0], flat[0] + flat.size)):
        return None
    return site.reshape(_cut(site, x, axis, int(flat[0]), int(flat[0]) + flat.size), site.type.static_shape)


def gather_nd(site: Site) -> str | None:
    """GatherND of one row of a constant by an integer input is a Select."""
    x, index = site.x(0), site.x(1)
    if site.number("batch_dims", 0) != 0 or site.type_of(index).shape[-1:] != (1,) or site.const(1) is not None:
        return None
    return _select(site, x, index, 0)


def concat(site: Site) -> str | None:
    """Values joined along an axis; empty ones dropped."""
    operands = [n for n in site.graph[site.name].inputs if site.type_of(n).size]
    axis = site.axis(0, rank=site.type.rank)
    if not operands:
        return None
    return operands[0] if len(operands) == 1 else site.emit(Concat(axis), *operands)


def expand(site: Site) -> str | None:
    """Repetition by broadcasting."""
    return site.emit(Broadcast(site.type.static_shape), site.x())


def tile(site: Site) -> str | None:
    """Repetition of dimensions of 1 is broadcasting; any other stays."""
    shape = site.type_of(site.x()).static_shape
    repeats = site.const(1)
    if repeats is None or any(r != 1 and d != 1 for d, r in zip(shape, repeats.tolist(), strict=True)):
        return None
    return site.emit(Broadcast(site.type.static_shape), site.x())


def chosen_input(graph: Graph, name: str) -> str | None:
    """The integer graph input that an index comes from through reshapes, if it does."""
    while isinstance(graph[name].op, Reshape):
        name = graph[name].inputs[0]
    return name if isinstance(graph[name].op, Input) else None


def _select(site: Site, table: str, index: str, axis: int) -> str | None:
    source = chosen_input(site.graph, index)
    if source is None or not site.graph.is_const(table) or site.type_of(source).size != 1:
        return None
    rows = site.derive(table, f"rows {axis}", lambda v: v if axis == 0 else np.moveaxis(v, axis, 0))
    return site.reshape(site.emit(Select(), rows, source), site.type.static_shape)


def _cut(site: Site, x: str, axis: int, start: int, stop: int) -> str:
    if (start, stop) == (0, site.type_of(x).shape[axis]):
        return x
    return site.emit(Slice(axis, start, stop), x)


RULES: dict[str, Rule] = {
    "Reshape": reshape,
    "Flatten": reshape,
    "Squeeze": reshape,
    "Unsqueeze": reshape,
    "Transpose": transpose,
    "Slice": slice_,
    "Split": split,
    "Gather": gather,
    "GatherND": gather_nd,
    "Concat": concat,
    "Expand": expand,
    "Tile": tile,
}

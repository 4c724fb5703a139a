"""A NumPy evaluator of small regions of the Graph, typed and not yet recognised nodes alike.

It exists to prove rewrites: a region is run as it was exported. Activations are :func:`~.semantics.stand_in`, because
they have been recognised by then and stand for themselves. Matrices of experts that a graph gathers row by row stay
where they are (:class:`Picked`): taken literally, 1201 tokens with top-4 would fetch 3 GB of weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from vitaccel.frontend.recognize.moe.dispatch_rules import DISPATCH_RULES, MANY_OUTPUTS
from vitaccel.frontend.recognize.moe.semantics import softmax, stand_in
from vitaccel.ir import ops
from vitaccel.ir.graph import Graph, Node
from vitaccel.ir.ops import Op

Array = np.ndarray

LARGEST_ARRAY = 1 << 27
"""Elements of one intermediate value beyond which a region counts as too big to run."""


class NotEvaluableError(Exception):
    """The region holds an operator without a meaning here, or a value too large; the text names it."""


@dataclass(frozen=True)
class Picked:
    """Matrices ``stack[index]``, not copied: ``stack (E, rows, columns)``, ``index`` of any shape."""

    stack: Array
    index: Array

    def times(self, right: Array) -> Array:
        """``stack[index] @ right``, each matrix of the stack once."""
        flat = self.index.reshape(-1)
        columns = np.broadcast_to(right, (*self.index.shape, *right.shape[-2:])).reshape(flat.size, *right.shape[-2:])
        result = np.zeros((flat.size, self.stack.shape[1], right.shape[-1]), np.float32)
        for expert in np.unique(flat):
            chosen = flat == expert
            # (n, K, c) -> (K, n * c): one product for all who picked this matrix.
            taken = columns[chosen].transpose(1, 0, 2)
            product = self.stack[expert] @ taken.reshape(taken.shape[0], -1)
            result[chosen] = product.reshape(-1, *taken.shape[1:]).transpose(1, 0, 2)
        return result.reshape(*self.index.shape, *result.shape[1:])

    @property
    def transposed(self) -> Picked:
        """The same matrices, each transposed."""
        return Picked(self.stack.swapaxes(1, 2), self.index)


def evaluate_region(
    graph: Graph, region: Iterable[str], values: Mapping[str, Array], *, keep: Iterable[str]
) -> dict[str, Array]:
    """Run nodes of a Graph.

    Parameters
    ----------
    graph
        The Graph.
    region
        Names of the nodes to run, in topological order.
    values
        Values of what the region reads; a constant not named here has its own.
    keep
        Names whose values are wanted.

    Raises
    ------
    NotEvaluableError
        If a node has no meaning here.
    """
    order = list(region)
    wanted = set(keep)
    last_reader = {operand: name for name in order for operand in graph[name].inputs}
    known: dict[str, Any] = dict(values)
    for name in order:
        node = graph[name]
        known[name] = _run(node, [known[i] if i in known else graph.array(i) for i in node.inputs])
        for operand in set(node.inputs) - wanted:
            if last_reader[operand] == name:
                known.pop(operand, None)
    return {name: known[name] for name in wanted}


def _run(node: Node, operands: list[Any]) -> Any:
    title = node.op.op_type if isinstance(node.op, ops.Foreign) else node.op.name
    picked = _pick(node.op, operands)
    if picked is not None:
        return picked
    if node.type.is_static and node.type.size > LARGEST_ARRAY:
        raise NotEvaluableError(f"{title} gives {node.type}")
    try:
        with np.errstate(all="ignore"):
            return meaning(node.op, *operands)
    except (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        raise NotEvaluableError(f"{title} cannot be run: {error}") from error


def _pick(op: Op, operands: list[Any]) -> Picked | None:
    """What a Gather of whole matrices, or a transpose of its result, gives; None for everything else."""
    if isinstance(op, ops.Transpose) and isinstance(operands[0], Picked):
        rank = operands[0].index.ndim
        return operands[0].transposed if op.perm == (*range(rank), rank + 1, rank) else None
    if not isinstance(op, ops.Foreign) or op.op_type not in ("Gather", "GatherND"):
        return None
    table, index = operands
    if not isinstance(table, np.ndarray) or table.ndim != 3 or table.dtype.kind != "f":
        return None
    if op.op_type == "Gather":
        return Picked(table, index) if op.attr("axis", 0) == 0 else None
    if op.attr("batch_dims", 0) or index.shape[-1] != 1:
        return None
    return Picked(table, index[..., 0])


# -- meanings ------------------------------------------------------------------------------------------------------
@singledispatch
def meaning(op: Op, *_: Any) -> Any:
    """Value of one operation."""
    raise NotEvaluableError(op.name)


@meaning.register
def _(op: ops.Foreign, *operands: Any) -> Any:
    given = iter(operands)
    filled = [next(given) if p in op.present else None for p in range(max(op.present, default=-1) + 1)]
    if op.op_type == "MatMul" and isinstance(filled[0], Picked) and len(operands) == 2:
        return filled[0].times(operands[1])
    attributes = dict(op.attrs)
    if op.op_type in MANY_OUTPUTS:
        return MANY_OUTPUTS[op.op_type](attributes, *filled, output=op.output)
    if op.op_type not in DISPATCH_RULES or op.domain not in ("", "ai.onnx"):
        raise NotEvaluableError(f"{op.op_type} has no meaning here")
    return DISPATCH_RULES[op.op_type](attributes, *filled)


@meaning.register
def _(_: ops.Linear, x: Array, w: Array, b: Array | None = None) -> Any:
    return x @ w if b is None else x @ w + b


@meaning.register
def _(_: ops.MatMul, a: Any, b: Any) -> Any:
    if isinstance(a, Picked):
        return a.times(b)
    if isinstance(b, Picked):
        return b.transposed.times(a.swapaxes(-1, -2)).swapaxes(-1, -2)
    return a @ b


@meaning.register
def _(_: ops.TokenMix, x: Array, m: Array) -> Any:
    return m @ x


@meaning.register
def _(_: ops.Activation, x: Array) -> Any:
    return stand_in(x)


@meaning.register
def _(_: ops.Add, a: Array, b: Array) -> Any:
    return a + b


@meaning.register
def _(_: ops.Mul, a: Array, b: Array) -> Any:
    return a * b


@meaning.register
def _(_: ops.Softmax, x: Array) -> Any:
    return softmax(x)


@meaning.register
def _(op: ops.Reshape, x: Array) -> Any:
    return x.reshape(op.shape)


@meaning.register
def _(op: ops.Transpose, x: Array) -> Any:
    return x.transpose(op.perm)


@meaning.register
def _(op: ops.Slice, x: Array) -> Any:
    return x[(slice(None),) * op.axis + (slice(op.start, op.stop),)]


@meaning.register
def _(op: ops.Concat, *parts: Array) -> Any:
    return np.concatenate(parts, axis=op.axis)


@meaning.register
def _(op: ops.Broadcast, x: Array) -> Any:
    return np.broadcast_to(x, op.shape)


@meaning.register
def _(_: ops.Mean, x: Array) -> Any:
    return x.mean(axis=1)

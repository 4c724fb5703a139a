"""A NumPy evaluator of small regions of the Graph, typed and not yet recognised nodes alike.

It exists to prove rewrites: a region is run as it was exported. Activations are :func:`~.semantics.stand_in`, because they have
been recognised by then and stand for themselves. Matrices of experts that a graph gathers row by row stay unmaterialised
(:class:`Picked`): taken literally, 1201 tokens with top-4 would fetch 3 GB of weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from vitaccel.frontend.recognize.moe.foreign import FOREIGN, Operand
from vitaccel.frontend.recognize.moe.semantics import softmax, stand_in
from vitaccel.ir import ops
from vitaccel.ir.graph import Graph, Node

Array = np.ndarray

LARGEST_ARRAY = 1 << 28
"""Elements of one intermediate value beyond which a region counts as too big to run."""


class NotEvaluable(Exception):  # noqa: N818 - an answer, not a fault
    """The region holds an operator without a meaning here, or a value too large; the text names it."""


@dataclass(frozen=True)
class Picked:
    """Matrices ``stack[index]``, not copied: ``stack (E, rows, columns)``, ``index`` of any shape."""

    stack: Array
    index: Array

    def __matmul__(self, columns: Array) -> Array:
        flat = self.index.reshape(-1)
        right = np.broadcast_to(columns, (*self.index.shape, *columns.shape[-2:])).reshape(
            flat.size, *columns.shape[-2:]
        )
        result = np.zeros((flat.size, self.stack.shape[1], columns.shape[-1]), np.float32)
        for expert in np.unique(flat):
            result[flat == expert] = self.stack[expert] @ right[flat == expert]
        return result.reshape(*self.index.shape, *result.shape[1:])

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
        Values of what the region reads; constants not named here have their own.
    keep
        Names whose values are wanted.

    Raises
    ------
    NotEvaluable
        If a node has no meaning here.
    """
    order = list(region)
    wanted = set(keep)
    last_reader = {operand: name for name in order for operand in graph[name].inputs}
    known: dict[str, Any] = dict(values)
    for name in order:
        node = graph[name]
        operands = [known[i] if i in known else graph.array(i) for i in node.inputs]
        known[name] = _run(node, operands)
        for operand in set(node.inputs) - wanted:
            if last_reader[operand] == name:
                known.pop(operand, None)
    return {name: known[name] for name in wanted}


def _run(node: Node, operands: list[Any]) -> Any:
    if node.type.is_static and node.type.size > LARGEST_ARRAY and not _picks(node, operands):
        raise NotEvaluable(f"{node.op.name} of {node.type}")
    try:
        return _foreign(node.op, operands) if isinstance(node.op, ops.Foreign) else _typed(node.op, operands)
    except (ValueError, IndexError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise NotEvaluable(f"{_title(node)}: {error}") from error


def _title(node: Node) -> str:
    return node.op.op_type if isinstance(node.op, ops.Foreign) else node.op.name


def _picks(node: Node, operands: list[Any]) -> bool:
    """Whether a Gather fetches whole matrices of a stack."""
    if not isinstance(node.op, ops.Foreign) or node.op.op_type not in ("Gather", "GatherND"):
        return False
    table, index = operands[:2]
    if not isinstance(table, np.ndarray) or table.ndim != 3 or table.dtype.kind != "f":
        return False
    if node.op.op_type == "Gather":
        return node.op.attr("axis", 0) == 0
    return node.op.attr("batch_dims", 0) == 0 and bool(index.shape[-1] == 1)


def _foreign(op: ops.Foreign, operands: list[Any]) -> Any:
    if op.op_type not in FOREIGN:
        raise NotEvaluable(op.op_type)
    if _picks_now := _picks_operands(op, operands):
        return _picks_now
    if any(isinstance(o, Picked) for o in operands):
        return _on_picked(op, operands)
    slots: list[Operand] = [None] * (max(op.present, default=-1) + 1)
    for position, value in zip(op.present, operands, strict=True):
        slots[position] = value
    return FOREIGN[op.op_type](op, slots)

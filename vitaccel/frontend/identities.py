"""Arithmetic that changes nothing: adding 0, multiplying by 1, repeating into the same shape; and copies of one row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vitaccel.frontend.derive import derive
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Broadcast, Const, Foreign
from vitaccel.ir.types import TensorType

Values = Sequence[np.ndarray | None]

NEUTRAL: dict[str, tuple[float, bool]] = {
    "Add": (0.0, True),
    "Sub": (0.0, False),
    "Mul": (1.0, True),
    "Div": (1.0, False),
    "Pow": (1.0, False),
    "Or": (0.0, True),
    "And": (1.0, True),
}
"""The neutral operand of an operator, and whether it may come first."""

VIEWS = ("Expand", "Tile", "Reshape", "Flatten", "Squeeze", "Unsqueeze")
"""Operators that give their operand back when the shape does not change."""


def equal_operand(
    op_type: str, operands: Sequence[str | None], values: Values, result: TensorType, graph: Graph
) -> str | None:
    """The operand that a node's result is equal to, if there is one.

    Parameters
    ----------
    op_type, operands
        The ONNX operator, and the Graph nodes it reads.
    values
        Values of the constant operands.
    result
        Type of the first output.
    """
    if op_type in NEUTRAL and len(operands) == 2:
        neutral, first_too = NEUTRAL[op_type]
        for kept, other in ((0, 1), (1, 0)) if first_too else ((0, 1),):
            name = operands[kept]
            fixed = operands[other] is not None and not _is_parameter(graph, operands[other])
            if fixed and name is not None and graph[name].type == result and all_equal(values[other], neutral):
                return name
        return None
    first = operands[0] if operands else None
    padded_by_nothing = op_type == "Pad" and len(values) > 1 and all_equal(values[1], 0.0)
    if first is None or (op_type not in VIEWS and not padded_by_nothing):
        return None
    return first if graph[first].type == result and result.is_static else None


def is_zero(op_type: str, values: Values) -> bool:
    """Whether a node multiplies by zeros: the disabled gate noise of an exported mixture of experts."""
    return op_type == "Mul" and any(all_equal(v, 0.0) for v in values)


def all_equal(values: np.ndarray | None, number: float) -> bool:
    """Whether a constant is this number everywhere."""
    if values is None or values.size == 0:
        return False
    # The first element decides nearly always; only then is the whole array read.
    return bool(values.flat[0] == number) and bool((values == number).all())


def store_batch_copies_once(graph: Graph) -> None:
    """Replace a constant that repeats one row along the batch by a Broadcast of that row.

    A static export with a batch above 1 writes the class token once for each image. Only operands of ``Concat`` are
    looked at, so that equal rows of a weight stay what they are.
    """
    for name in graph.find(lambda node: isinstance(node.op, Const) and node.type.rank == 3):
        array, node = graph.array(name), graph[name]
        if array.shape[0] < 2 or array.size == 0 or not _only_concatenated(graph, name):
            continue
        if not (array == array[:1]).all():
            continue
        assert isinstance(node.op, Const)
        row = derive(graph, name, lambda a: a[:1])
        graph.replace_uses(name, graph.add(Broadcast(array.shape), (row,), sources=node.sources))
    graph.prune()


def _is_parameter(graph: Graph, name: str | None) -> bool:
    """Whether a value was learned: a fresh LayerNorm's ones and zeros stay, they count as its parameters."""
    op = graph[name].op if name is not None else None
    return isinstance(op, Const) and op.parameter


def _only_concatenated(graph: Graph, name: str) -> bool:
    users = graph.users(name)
    return bool(users) and all(isinstance(op := graph[u].op, Foreign) and op.op_type == "Concat" for u in users)

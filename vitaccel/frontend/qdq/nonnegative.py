"""Values that cannot be negative: their quantization from 0 upward is no Relu."""

from __future__ import annotations

from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Foreign, Input

NONNEGATIVE = ("Abs", "Clip", "Exp", "HardSigmoid", "OneHot", "Relu", "Sigmoid", "Softmax", "Sqrt", "TopK")
"""Operators whose floats are taken for 0 or more. (A Clip is one from 0 wherever a network has an activation.)"""

KEEPING = (
    "AveragePool", "Cast", "Concat", "CumSum", "Expand", "Flatten", "Gather", "GatherElements", "GatherND",
    "GlobalAveragePool", "MaxPool", "ReduceMax", "ReduceMean", "ReduceSum", "Reshape", "ScatterElements", "ScatterND",
    "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze", "Where",
)  # fmt: skip
"""Operators that make nothing negative of floats that are not."""

COMBINING = ("Add", "Div", "Max", "Mul", "Reciprocal")
"""Arithmetic that makes nothing negative of operands that are not."""

DEPTH = 24


def is_nonnegative(graph: Graph, name: str, depth: int = DEPTH) -> bool:
    """Whether a value of an ONNX file, not yet recognised, has no element below 0 as far as its operators tell.

    An input counts as such: the host quantizes it.
    """
    node = graph[name]
    if isinstance(node.op, Input) or node.type.element != "f32":
        return True
    if graph.is_const(name):
        return bool((graph.array(name) >= 0).all())
    op = node.op
    if not isinstance(op, Foreign) or depth == 0:
        return False
    if op.op_type in NONNEGATIVE:
        return True
    if op.op_type == "Pow":
        exponent = node.inputs[1]
        even = graph.is_const(exponent) and bool((graph.array(exponent) % 2 == 0).all())
        return even or is_nonnegative(graph, node.inputs[0], depth - 1)
    if op.op_type == "Mul" and node.inputs[0] == node.inputs[1]:
        return True
    if op.op_type == "Add" and any(_lifts(graph, one, two) for one, two in (node.inputs, node.inputs[::-1])):
        return True
    return op.op_type in (*KEEPING, *COMBINING) and all(is_nonnegative(graph, i, depth - 1) for i in node.inputs)


def _lifts(graph: Graph, bounded: str, constant: str) -> bool:
    """Whether a value of at least -1 gets 1 or more added, as in a GELU: the constant may be rounded."""
    op = graph[bounded].op
    is_bounded = isinstance(op, Foreign) and op.op_type in ("Erf", "Tanh")
    return is_bounded and graph.is_const(constant) and bool((graph.array(constant) >= 0.99).all())

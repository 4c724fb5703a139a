"""Axes and counts named by attributes must exist: onnx takes some on trust and ends the process.

Found by the fuzz in onnx 1.23: ``GatherND`` with a negative ``batch_dims``, ``LayerNormalization`` of an ``axis``
beyond its input and ``Split`` into more outputs than ``num_outputs`` touch memory that is not theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from vitaccel.errors import ModelError
from vitaccel.ir.types import TensorType

ONE_MORE = ("Flatten", "OneHot")
"""Operators whose axis may be the one after the last."""


def check_axes(node: onnx.NodeProto, where: str, types: Sequence[TensorType | None]) -> None:
    """Check ``axis`` and ``batch_dims`` against the ranks of the operands, ``num_outputs`` against the outputs.

    Raises
    ------
    ModelError
        If the first operand has no such axis, the operands have no such batch dimensions, or the node has another
        number of outputs.
    """
    first = types[0] if types else None
    if first is None:
        return
    for attribute in node.attribute:
        if attribute.name == "axis":
            more = node.op_type in ONE_MORE
            if not -first.rank - more <= attribute.i < first.rank + more:
                raise ModelError(f"{where} must have an axis of {first}, not {attribute.i}")
        if attribute.name == "num_outputs" and attribute.i != len(node.output):
            raise ModelError(f"{where} must have {attribute.i} outputs as it says, not {len(node.output)}")
        if attribute.name == "batch_dims":
            shared = min(t.rank for t in types[:2] if t is not None)
            if not 0 <= attribute.i < max(shared, 1):
                raise ModelError(f"{where} must have batch_dims of 0 to {max(shared - 1, 0)}, not {attribute.i}")

"""One op applied to tensors: the table from op classes to formulas, filled by the modules beside this one."""

from __future__ import annotations

from functools import singledispatch

from torch import Tensor

from vitaccel.errors import UnsupportedError
from vitaccel.ir.ops import Foreign, Op


@singledispatch
def apply(op: Op, *_operands: Tensor) -> Tensor:
    """Value of ``op`` for its operands, in the order of the op's docstring; registered op by op.

    Raises
    ------
    UnsupportedError
        If the op has no float meaning: an ONNX operator that was not recognised.
    """
    if isinstance(op, Foreign):
        raise UnsupportedError(f"{op.op_type} {op.origin!r} must be recognised before the graph can run in float")
    raise UnsupportedError(f"op {op.name!r} must have a float meaning to run")

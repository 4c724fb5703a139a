"""Constant indices must lie within what they index: neither onnx's checker nor its shape inference looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vitaccel.errors import ModelError
from vitaccel.ir.types import TensorType

ALONG_AXIS = ("Gather", "GatherElements", "ScatterElements")
ALONG_LEADING_AXES = ("GatherND", "ScatterND")


def check_indices(
    op_type: str,
    where: str,
    types: Sequence[TensorType | None],
    values: Sequence[np.ndarray | None],
    attributes: Mapping[str, Any],
) -> None:
    """Check the second operand of a gather or scatter when it is constant.

    Parameters
    ----------
    op_type, where
        The operator, and how to name the node in an error.
    types, values
        Types of the operands; values of the constant ones.
    attributes
        Attributes of the node.

    Raises
    ------
    ModelError
        If an index is out of range.
    """
    if op_type not in (*ALONG_AXIS, *ALONG_LEADING_AXES) or len(values) < 2:
        return
    data, indices = types[0], values[1]
    if data is None or not data.is_static or indices is None or indices.size == 0 or indices.dtype != np.int64:
        return
    shape = data.static_shape
    if op_type in ALONG_AXIS:
        axis = attributes.get("axis", 0)
        bounds = shape[axis : axis + 1 or None]
        indices = indices.reshape(-1, 1)
    else:
        skipped = attributes.get("batch_dims", 0)
        bounds = shape[skipped : skipped + indices.shape[-1]] if indices.ndim else ()
        indices = indices.reshape(-1, indices.shape[-1] if indices.ndim else 1)
    if len(bounds) != indices.shape[1]:
        raise ModelError(f"{where} must index existing axes of {data}")
    limits = np.array(bounds)
    if ((indices < -limits) | (indices >= limits)).any():
        raise ModelError(f"{where} must have indices within {data}, but a constant index is out of range")

"""The value of one node: fed, stored or computed, and always of the node's type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

# Each of these fills the table behind `apply` with one family of ops.
from vitaccel.backends.float_graph import attention, images, lanes, matrix, moe, views  # noqa: F401
from vitaccel.backends.float_graph.apply import apply
from vitaccel.errors import VerifyError
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Const, Input
from vitaccel.ir.types import TensorType


def value_of(graph: Graph, name: str, feeds: Mapping[str, np.ndarray], operands: Sequence[Tensor]) -> Tensor:
    """Value of one node, given those of its operands.

    Raises
    ------
    VerifyError
        If its shape or element type differs from the node's.
    """
    node = graph[name]
    if isinstance(node.op, Input):
        return tensor_of(feeds[name])
    with torch.inference_mode():
        value = tensor_of(graph.array(name)) if isinstance(node.op, Const) else apply(node.op, *operands)
    elements = {torch.float32: "f32", torch.int64: "i64", torch.bool: "bool"}
    found = TensorType(tuple(value.shape), elements[value.dtype])
    if found != node.type:
        raise VerifyError(f"{name} = {node.op.name} must have type {node.type}, not {found}")
    return value


def tensor_of(array: np.ndarray) -> Tensor:
    """The array as float32, int64 or bool; memory is shared only where PyTorch does so without a warning."""
    dtype = np.bool_ if array.dtype.kind == "b" else np.int64 if array.dtype.kind in "iu" else np.float32
    shareable = array.flags.writeable and all(stride >= 0 for stride in array.strides)
    return torch.from_numpy(array.astype(dtype, copy=not shareable))

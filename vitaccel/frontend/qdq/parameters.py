"""Parameters of QuantizeLinear and DequantizeLinear nodes; every fault is a sentence that names the node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend.qdq.affine import RANGES, Affine
from vitaccel.ir.types import TensorType


def check_attributes(where: str, attributes: Mapping[str, Any]) -> None:
    """Refuse scales for blocks of a channel.

    Raises
    ------
    UnsupportedError
        If the node has a ``block_size``.
    """
    if attributes.get("block_size", 0):
        raise UnsupportedError(
            f"{where} must have one scale for the tensor or one for each channel, not one for each block of "
            f"{attributes['block_size']}"
        )


def checked_type(where: str, onnx_type: int) -> int:
    """An element type that quantized tensors may have.

    Raises
    ------
    UnsupportedError
        If it is another.
    """
    if onnx_type not in RANGES:
        known = ", ".join(TensorProto.DataType.Name(t).lower() for t in RANGES)
        name = TensorProto.DataType.Name(onnx_type) if onnx_type in TensorProto.DataType.values() else onnx_type
        raise UnsupportedError(f"{where} must quantize to one of {known}, not {str(name).lower()}")
    return onnx_type


def affine(
    where: str,
    tensor: TensorType,
    attributes: Mapping[str, Any],
    scale: np.ndarray | None,
    zero: tuple[np.ndarray, int] | None,
    onnx_type: int,
) -> Affine:
    """The checked parameters of a node.

    Parameters
    ----------
    where
        How an error names the node.
    tensor
        What is quantized, or comes out of DequantizeLinear.
    attributes
        Of the node.
    scale
        Its second input, None when that is not constant.
    zero
        Its third input and the element type of that, None when it is left out.
    onnx_type
        Element type of the integers.

    Raises
    ------
    ModelError
        If a scale is not positive and finite, the zero point is of another type or size, or the number of scales is not
        the length of the axis.
    UnsupportedError
        If the scale is not constant, or there is one for each block.
    """
    check_attributes(where, attributes)
    checked_type(where, onnx_type)
    if scale is None:
        raise UnsupportedError(f"{where} must have a constant scale, not a computed one")
    _check_scale(where, scale)
    axis = _axis(where, tensor, int(attributes.get("axis", 1)), scale)
    values = np.zeros(1, np.int64) if zero is None else _zero(where, zero, onnx_type, scale.size)
    low, high = RANGES[onnx_type]
    return Affine(
        scale.reshape(-1).astype(np.float32),
        np.broadcast_to(values, (scale.size,)),
        axis if scale.size > 1 else 0,
        onnx_type,
        low,
        high,
    )


def _check_scale(where: str, scale: np.ndarray) -> None:
    if scale.ndim > 1:
        raise UnsupportedError(
            f"{where} must have one scale for the tensor or one for each channel, not scales of shape "
            f"{list(scale.shape)}: blocks of a channel have no mapping"
        )
    if scale.dtype.kind != "f" or scale.size == 0:
        raise ModelError(f"{where} must have at least one float scale")
    wrong = scale.reshape(-1)[~(np.isfinite(scale.reshape(-1)) & (scale.reshape(-1) > 0))]
    if wrong.size:
        raise ModelError(f"{where} must have scales above 0 and finite, not {wrong[0]:g}")
    small = scale.reshape(-1)[scale.reshape(-1).astype(np.float32) == 0]
    if small.size:
        raise ModelError(f"{where} must have scales that single precision can hold, not {small[0]:g}")


def _axis(where: str, tensor: TensorType, axis: int, scale: np.ndarray) -> int:
    if scale.size == 1:
        return 0
    if not -tensor.rank <= axis < tensor.rank:
        raise ModelError(f"{where} must have an axis of {tensor}, not {axis}")
    if tensor.shape[axis] != scale.size:
        raise ModelError(f"{where} must have {tensor.shape[axis]} scales for axis {axis} of {tensor}, not {scale.size}")
    return axis % tensor.rank


def _zero(where: str, zero: tuple[np.ndarray, int], onnx_type: int, count: int) -> np.ndarray:
    values, found = zero
    if found != onnx_type:
        names = [TensorProto.DataType.Name(t).lower() for t in (onnx_type, found)]
        raise ModelError(f"{where} must have a zero point of type {names[0]} as its integers, not {names[1]}")
    if values.size not in (1, count):
        raise ModelError(f"{where} must have as many zero points as scales, {count}, not {values.size}")
    return values.reshape(-1).astype(np.int64)


def clip_bounds(where: str, bounds: Sequence[np.ndarray | None]) -> tuple[int | None, int | None]:
    """The constant bounds of a Clip on integers.

    Parameters
    ----------
    where
        How an error names the node.
    bounds
        Values of its inputs 1 and 2, None for one left out.

    Raises
    ------
    ModelError
        If a bound is not one integer.
    """
    found: list[int | None] = []
    for bound in bounds:
        if bound is not None and (bound.size != 1 or bound.dtype.kind not in "iu"):
            raise ModelError(f"{where} must have integers as bounds")
        found.append(None if bound is None else int(bound.reshape(-1)[0]))
    return found[0], found[1]

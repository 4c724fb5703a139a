"""Pairs of QuantizeLinear and DequantizeLinear for values, integers and DequantizeLinear for constants."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto

from vitaccel.backends.onnx_qdq.builder import Builder
from vitaccel.ir.graph import Graph
from vitaccel.ir.ops import Select
from vitaccel.ir.scales import channel_axis, integers_of, integers_on, steps_of

TYPES: dict[str, int] = {
    "int4": TensorProto.INT4,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
}


def integer_type(fmt: str) -> int:
    """The ONNX element type of a number format; attention logits (``q9.6``) have 16 bits.

    Raises
    ------
    ValueError
        If the format is no integer format.
    """
    if fmt.startswith("q"):
        return TensorProto.INT16
    if fmt not in TYPES:
        raise ValueError(f"the format of a quantized value must be {', '.join(TYPES)} or q9.6, not {fmt!r}")
    return TYPES[fmt]


def pair(builder: Builder, value: str, scale: tuple[float, ...], fmt: str, *, axis: int, stem: str) -> str:
    """The value rounded to the integers of a scale and brought back.

    Eight bits are written as uint8 around 128, which are the same numbers: onnxruntime on x86 rewrites int8 so anyway,
    and at opset 21 (1.31 does) makes an invalid model of it where a Reshape or Transpose follows.
    """
    onnx_type = integer_type(fmt)
    if onnx_type == TensorProto.INT8:
        onnx_type = TensorProto.UINT8
    steps = np.array(scale if len(scale) > 1 else scale[0], np.float32)
    scales, zero = builder.array(steps, stem=f"{stem}.scale"), builder.zero(onnx_type, len(scale))
    along: dict[str, Any] = {"axis": axis} if len(scale) > 1 else {}
    integers = builder.op("QuantizeLinear", value, scales, zero, stem=stem, **along)
    return builder.op("DequantizeLinear", integers, scales, zero, stem=stem, **along)


def quantized(builder: Builder, graph: Graph, name: str, value: str) -> str:
    """The ONNX value of a Graph node as its readers see it: rounded when it has a scale."""
    node = graph[name]
    if not node.scale or isinstance(node.op, Select):  # what is selected lies on the grid of its table
        return value
    return pair(builder, value, node.scale, node.fmt, axis=channel_axis(graph, name), stem=node.label or name)


def constant(builder: Builder, graph: Graph, name: str, *, rank: int = 0) -> str:
    """A Graph constant: integers and DequantizeLinear when it has a scale, else as it is.

    It gets axes of 1 in front up to ``rank``.

    Raises
    ------
    ValueError
        If a quantized constant does not lie on its grid.
    """
    node = graph[name]
    ones = (1,) * (rank - node.type.rank)
    if not node.scale:
        array = graph.array(name)
        return builder.array(array.reshape(ones + array.shape), stem=_stem(graph, name))
    integers, steps = (a.reshape(ones + a.shape) for a in (integers_of(graph, name), steps_of(graph, name)))
    return stored(builder, integers, steps, node.fmt, stem=_stem(graph, name))


def part(builder: Builder, graph: Graph, name: str, index: int) -> str:
    """One row of a constant along its first axis, as a matrix: the weights or the biases of one expert."""
    node, stem = graph[name], f"{_stem(graph, name)}.{index}"
    array = graph.array(name)[index]
    array = array.reshape(-1, array.shape[-1])
    if not node.scale:
        return builder.array(array, stem=stem)
    whole = steps_of(graph, name)
    steps = whole[index if whole.shape[0] > 1 else 0].reshape(-1, whole.shape[-1])
    integers = integers_on(array, steps)
    if integers is None:
        raise ValueError(f"constant {name!r} must lie on the grid of its scale")
    return stored(builder, integers, steps, node.fmt, stem=stem)


def stored(builder: Builder, integers: np.ndarray, steps: np.ndarray, fmt: str, *, stem: str) -> str:
    """Integers as an initializer, dequantized by steps that broadcast to them and vary along any axes."""
    onnx_type = integer_type(fmt) if fmt else narrowest(integers)
    varying = [axis for axis in range(steps.ndim) if steps.shape[axis] > 1]
    if len(varying) < 2:
        return _dequantized(builder, integers, steps, onnx_type, varying, stem)
    # One axis of DequantizeLinear: the axes that vary in front, as one; reshaped and turned back behind it.
    rest = [axis for axis in range(integers.ndim) if axis not in varying]
    order = (*varying, *rest)
    turned = integers.transpose(order)
    kept = turned.shape[len(varying) :]
    flat_steps = steps.transpose(order).reshape(-1, *(1,) * len(kept))
    value = _dequantized(builder, turned.reshape(-1, *kept), flat_steps, onnx_type, [0], stem)
    value = builder.op("Reshape", value, builder.ints(*turned.shape), stem=stem)
    return builder.op("Transpose", value, stem=stem, perm=[order.index(axis) for axis in range(integers.ndim)])


def _dequantized(
    builder: Builder, integers: np.ndarray, steps: np.ndarray, onnx_type: int, varying: list[int], stem: str
) -> str:
    count = steps.size
    scale = builder.array(steps.astype(np.float32).reshape(-1 if varying else ()), stem=f"{stem}.scale")
    along: dict[str, Any] = {"axis": varying[0]} if varying else {}
    inputs = [builder.integers(integers, onnx_type, stem=f"{stem}.integers"), scale]
    if onnx_type != TensorProto.INT32:
        inputs.append(builder.zero(onnx_type, count))
    return builder.op("DequantizeLinear", *inputs, stem=stem, **along)


def narrowest(integers: np.ndarray) -> int:
    """INT8, INT16 or INT32, whichever holds the numbers first."""
    for bits, onnx_type in ((8, TensorProto.INT8), (16, TensorProto.INT16)):
        if integers.size == 0 or (integers.min() >= -(2 ** (bits - 1)) and integers.max() < 2 ** (bits - 1)):
            return onnx_type
    return TensorProto.INT32


def _stem(graph: Graph, name: str) -> str:
    """A name for a constant: its ONNX name where it has one."""
    sources = graph[name].sources
    return min(sources) if len(sources) == 1 else name.replace("%", "constant.")

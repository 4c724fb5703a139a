"""The operators of shape arithmetic on NumPy arrays: ``rule(attributes, *inputs)`` is the output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import prod
from typing import Any

import numpy as np
from onnx import TensorProto

from vitaccel.frontend.weights import FLOATS

ELEMENT_LIMIT = 1 << 26
"""No folded constant has more elements."""

MAC_LIMIT = 1 << 30
"""No folded matrix product takes more multiply-accumulates."""

Attributes = Mapping[str, Any]
Rule = Callable[..., Any]


class TooLargeError(ValueError):
    """A constant would be larger than :data:`ELEMENT_LIMIT`."""


def check_size(shape: Iterable[int]) -> tuple[int, ...]:
    """The shape as a tuple, if it may be folded.

    Raises
    ------
    TooLargeError
        If it has more elements than :data:`ELEMENT_LIMIT`.
    """
    dims = tuple(int(d) for d in shape)
    if any(d < 0 for d in dims):
        raise ValueError(f"shape {list(dims)} must not be negative")
    if prod(dims) > ELEMENT_LIMIT:
        raise TooLargeError
    return dims


def _axes(attributes: Attributes, given: np.ndarray | None) -> tuple[int, ...] | None:
    if given is not None:
        return tuple(int(a) for a in given.reshape(-1))
    axes = attributes.get("axes")
    return tuple(axes) if axes is not None else None


def _bounded(a: np.ndarray, b: np.ndarray) -> None:
    check_size(np.broadcast_shapes(a.shape, b.shape))


def _binary(function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Rule:
    def rule(_: Attributes, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        _bounded(a, b)
        return function(a, b)

    return rule


def _unary(function: Callable[[np.ndarray], np.ndarray]) -> Rule:
    return lambda _, x: function(x)


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    # ONNX divides integers toward zero, NumPy toward minus infinity.
    return np.where(b == 0, 0, np.sign(a) * np.sign(b) * (np.abs(a) // np.maximum(np.abs(b), 1)))


def _cast(attributes: Attributes, x: np.ndarray) -> np.ndarray:
    target = attributes["to"]
    if target == TensorProto.BOOL:
        return x.astype(np.bool_)
    # The legacy exporter writes a cast of a traced size to bfloat16 with PyTorch's own number, which ONNX reads as
    # a complex type; no network here has complex numbers.
    if target in FLOATS or (target == TensorProto.COMPLEX128 and x.ndim == 0):
        return x.astype(np.float32)
    if target in (TensorProto.INT64, TensorProto.INT32):
        return x.astype(np.int64)
    raise TypeError(f"it casts to the ONNX type {target}")


def _gather(attributes: Attributes, data: np.ndarray, indices: np.ndarray) -> np.ndarray:
    axis = int(attributes.get("axis", 0))
    check_size((*data.shape[:axis], *indices.shape, *data.shape[axis:][1:]))
    return np.asarray(np.take(data, indices, axis=axis))


def _concat(attributes: Attributes, *parts: np.ndarray) -> np.ndarray:
    return np.concatenate(parts, axis=int(attributes["axis"]))


def _unsqueeze(attributes: Attributes, x: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
    return np.expand_dims(x, _axes(attributes, axes) or ())


def _squeeze(attributes: Attributes, x: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
    return np.squeeze(x, _axes(attributes, axes))


def _reshape(attributes: Attributes, x: np.ndarray, shape: np.ndarray) -> np.ndarray:
    keep = not attributes.get("allowzero", 0)
    target = [x.shape[i] if d == 0 and keep else int(d) for i, d in enumerate(shape)]
    return np.asarray(x.reshape(target))


def _transpose(attributes: Attributes, x: np.ndarray) -> np.ndarray:
    return np.asarray(np.transpose(x, attributes.get("perm")))


def _slice(
    _: Attributes,
    x: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    axes: np.ndarray | None = None,
    steps: np.ndarray | None = None,
) -> np.ndarray:
    where = range(starts.size) if axes is None else [int(a) % x.ndim for a in axes]
    strides = [1] * starts.size if steps is None else [int(s) for s in steps]
    cut = [slice(None)] * x.ndim
    for axis, start, end, step in zip(where, starts, ends, strides, strict=True):
        # With a negative step an end before the first element means "to the very first", which Python spells None.
        last = None if step < 0 and end < -x.shape[axis] else int(end)
        cut[axis] = slice(int(start), last, step)
    return x[tuple(cut)]


def _expand(_: Attributes, x: np.ndarray, shape: np.ndarray) -> np.ndarray:
    target = check_size(np.broadcast_shapes(x.shape, check_size(shape)))
    return np.broadcast_to(x, target)


def _constant_of_shape(attributes: Attributes, shape: np.ndarray) -> np.ndarray:
    value = attributes.get("value")
    fill = np.zeros(1, np.float32) if value is None else np.asarray(value)
    return np.asarray(np.broadcast_to(fill.reshape(-1)[0], check_size(shape)))


def _where(_: Attributes, condition: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    check_size(np.broadcast_shapes(condition.shape, a.shape, b.shape))
    return np.where(condition, a, b)


def _range(_: Attributes, start: np.ndarray, limit: np.ndarray, delta: np.ndarray) -> np.ndarray:
    first, last, step = (v.reshape(-1)[0] for v in (start, limit, delta))
    count = max(int(np.ceil((float(last) - float(first)) / float(step))), 0)
    check_size((count,))
    return np.asarray((np.arange(count) * step + first).astype(start.dtype))


def _tile(_: Attributes, x: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    check_size([d * int(r) for d, r in zip(x.shape, repeats, strict=True)])
    return np.tile(x, tuple(int(r) for r in repeats))


def _matmul(_: Attributes, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.size * (b.shape[-1] if b.ndim > 1 else 1) * max(b.size // max(prod(b.shape[-2:]), 1), 1) > MAC_LIMIT:
        raise TooLargeError
    return np.asarray(np.matmul(a, b))


def _reduce(function: Callable[..., np.ndarray]) -> Rule:
    def rule(attributes: Attributes, x: np.ndarray, axes: np.ndarray | None = None) -> np.ndarray:
        chosen = _axes(attributes, axes)
        if not chosen and attributes.get("noop_with_empty_axes", 0):
            return x
        return np.asarray(function(x, axis=chosen or None, keepdims=bool(attributes.get("keepdims", 1))))

    return rule


def _modulo(attributes: Attributes, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    _bounded(a, b)
    return np.asarray(np.fmod(a, b) if attributes.get("fmod", 0) else np.mod(a, b))


RULES: dict[str, Rule] = {
    "Add": _binary(np.add),
    "And": _binary(np.logical_and),
    "Cast": _cast,
    "Ceil": _unary(np.ceil),
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "Cos": _unary(np.cos),
    "Div": _binary(_divide),
    "Equal": _binary(np.equal),
    "Exp": _unary(np.exp),
    "Expand": _expand,
    "Floor": _unary(np.floor),
    "Gather": _gather,
    "Greater": _binary(np.greater),
    "GreaterOrEqual": _binary(np.greater_equal),
    "Identity": _unary(lambda x: x),
    "Less": _binary(np.less),
    "LessOrEqual": _binary(np.less_equal),
    "MatMul": _matmul,
    "Mod": _modulo,
    "Mul": _binary(np.multiply),
    "Neg": _unary(np.negative),
    "Not": _unary(np.logical_not),
    "Or": _binary(np.logical_or),
    "Pow": _binary(lambda a, b: np.power(a.astype(np.float64), b).astype(a.dtype)),
    "Range": _range,
    "Reciprocal": _unary(lambda x: 1 / x),
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
    "Reshape": _reshape,
    "Sin": _unary(np.sin),
    "Slice": _slice,
    "Sqrt": _unary(np.sqrt),
    "Squeeze": _squeeze,
    "Sub": _binary(np.subtract),
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _where,
}

"""NumPy meaning of the ONNX operators that route tokens, beside those of :data:`vitaccel.frontend.arithmetic.RULES`.

A rule has the form ``(attributes, *inputs) -> output``; that of an operator with several outputs takes ``output``, the
wanted one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from vitaccel.frontend.arithmetic import RULES
from vitaccel.frontend.recognize.moe.semantics import softmax

Array = np.ndarray
Attributes = Mapping[str, Any]


def _top_k(attributes: Attributes, x: Array, k: Array, *, output: int) -> Array:
    if attributes.get("axis", -1) not in (-1, x.ndim - 1):
        raise ValueError("its axis is not the last")
    key = -x if attributes.get("largest", 1) else x
    # A stable sort: ONNX gives a tie to the lower index.
    chosen = np.argsort(key, axis=-1, kind="stable")[..., : int(k.reshape(-1)[0])]
    return chosen if output else np.take_along_axis(x, chosen, axis=-1)


def _split(attributes: Attributes, x: Array, sizes: Array | None = None, *, output: int) -> Array:
    axis = attributes.get("axis", 0)
    if sizes is None:
        sizes = np.asarray(attributes["split"])
    stops = np.cumsum(sizes)
    return np.take(x, np.arange(stops[output] - sizes[output], stops[output]), axis=axis)


def _shape(attributes: Attributes, x: Array) -> Array:
    return np.asarray(x.shape[slice(attributes.get("start", 0), attributes.get("end"))], np.int64)


def _flatten(attributes: Attributes, x: Array) -> Array:
    return x.reshape(prod(x.shape[: attributes.get("axis", 1)]), -1)


def _softmax(attributes: Attributes, x: Array) -> Array:
    axis = attributes.get("axis", -1)
    return np.moveaxis(softmax(np.moveaxis(x, axis, -1)), -1, axis)


def _one_hot(attributes: Attributes, index: Array, depth: Array, values: Array) -> Array:
    axis = attributes.get("axis", -1)
    width = int(depth.reshape(-1)[0])
    wrapped = np.where(index < 0, index + width, index)
    return np.moveaxis(np.where(wrapped[..., None] == np.arange(width), values[1], values[0]), -1, axis)


def _cum_sum(attributes: Attributes, x: Array, axis: Array) -> Array:
    where = int(axis.reshape(-1)[0])
    turned = np.flip(x, where) if attributes.get("reverse", 0) else x
    total = np.cumsum(turned, axis=where)
    total = total - turned if attributes.get("exclusive", 0) else total
    return np.flip(total, where) if attributes.get("reverse", 0) else total


def _non_zero(_: Attributes, x: Array) -> Array:
    return np.stack(np.nonzero(x)).astype(np.int64)


def _gather_nd(attributes: Attributes, data: Array, index: Array) -> Array:
    if attributes.get("batch_dims", 0):
        raise ValueError("it has batch_dims")
    return np.asarray(data[tuple(np.moveaxis(index, -1, 0))])


def _gather_elements(attributes: Attributes, data: Array, index: Array) -> Array:
    return np.take_along_axis(data, index, axis=attributes.get("axis", 0))


def _scatter_nd(attributes: Attributes, data: Array, index: Array, updates: Array) -> Array:
    result = np.array(data)
    place = tuple(np.moveaxis(index, -1, 0))
    return _scattered(attributes, result, place, updates)


def _scatter_elements(attributes: Attributes, data: Array, index: Array, updates: Array) -> Array:
    axis = attributes.get("axis", 0)
    place: list[Array] = list(np.indices(index.shape, sparse=True))
    place[axis] = index
    return _scattered(attributes, np.array(data), tuple(place), updates)


def _scattered(attributes: Attributes, result: Array, place: Any, updates: Array) -> Array:
    reduction = attributes.get("reduction", "none")
    if reduction not in ("none", "add"):
        raise ValueError(f"its reduction is {reduction}")
    if reduction == "add":
        np.add.at(result, place, updates)
    else:
        result[place] = updates
    return result


def _einsum(attributes: Attributes, *operands: Array) -> Array:
    equation = str(attributes["equation"]).replace(" ", "")
    if len(operands) != 2 or "->" not in equation or "." in equation:
        return np.asarray(np.einsum(equation, *operands))
    return _two_operand_einsum(equation, *operands)


def _two_operand_einsum(equation: str, a: Array, b: Array) -> Array:
    """``np.einsum`` of two operands as one batched matrix product, which is 100 times faster."""
    left, right, out = (*equation.split("->")[0].split(","), equation.split("->")[1])
    shared = [c for c in left if c in right]
    batch, contracted = [c for c in shared if c in out], [c for c in shared if c not in out]
    rows, columns = [c for c in left if c not in right], [c for c in right if c not in left]
    if len(set(left)) < len(left) or len(set(right)) < len(right) or set(rows + columns) - set(out):
        return np.asarray(np.einsum(equation, a, b))
    size = {**dict(zip(left, a.shape, strict=True)), **dict(zip(right, b.shape, strict=True))}

    def matrix(x: Array, names: str, groups: tuple[list[str], list[str], list[str]]) -> Array:
        order = [names.index(c) for group in groups for c in group]
        turned: Array = x.transpose(order).reshape([prod(size[c] for c in group) for group in groups])
        return turned

    product = matrix(a, left, (batch, rows, contracted)) @ matrix(b, right, (batch, contracted, columns))
    names = batch + rows + columns
    spread: Array = product.reshape([size[c] for c in names])
    return spread.transpose([names.index(c) for c in out])


def _gemm(attributes: Attributes, a: Array, b: Array, c: Array | None = None) -> Array:
    left = a.T if attributes.get("transA", 0) else a
    right = b.T if attributes.get("transB", 0) else b
    product = np.float32(attributes.get("alpha", 1.0)) * (left @ right)
    return np.asarray(product if c is None else product + np.float32(attributes.get("beta", 1.0)) * c)


def _random(_: Attributes, x: Array) -> Array:
    # Noise: any finite number will do, because a region that depends on it must not pass.
    return np.random.default_rng(0).standard_normal(x.shape).astype(np.float32)


def _smallest(_: Attributes, *operands: Array) -> Array:
    return np.asarray(np.minimum.reduce(np.broadcast_arrays(*operands)))


def _largest(_: Attributes, *operands: Array) -> Array:
    return np.asarray(np.maximum.reduce(np.broadcast_arrays(*operands)))


DISPATCH_RULES: Mapping[str, Callable[..., Array]] = {
    **RULES,
    "CumSum": _cum_sum,
    "Einsum": _einsum,
    "Flatten": _flatten,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "Gemm": _gemm,
    "Max": _largest,
    "Min": _smallest,
    "MatMul": lambda _, a, b: a @ b,
    "NonZero": _non_zero,
    "OneHot": _one_hot,
    "RandomNormalLike": _random,
    "RandomUniformLike": _random,
    "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd,
    "Shape": _shape,
    "Softmax": _softmax,
}
"""Operators with one output."""

MANY_OUTPUTS: Mapping[str, Callable[..., Array]] = {"Split": _split, "TopK": _top_k}
"""Operators with several outputs."""

"""Attributes of ONNX nodes as Python values."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend.weights import Weights
from vitaccel.ir.ops import Attribute

CONSTANT_KINDS: dict[str, int] = {
    "value": onnx.AttributeProto.TENSOR,
    "value_int": onnx.AttributeProto.INT,
    "value_ints": onnx.AttributeProto.INTS,
    "value_float": onnx.AttributeProto.FLOAT,
    "value_floats": onnx.AttributeProto.FLOATS,
}
"""Attributes a ``Constant`` node may hold its value in, and their types."""


def attributes_of(node: onnx.NodeProto, where: str, weights: Weights) -> dict[str, Any]:
    """Attributes of a node as Python values; a tensor as an array.

    Raises
    ------
    ModelError
        If an attribute comes twice or has no value.
    """
    found: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.name in found:
            raise ModelError(f"{where} must have one attribute {attribute.name!r}")
        if attribute.type == onnx.AttributeProto.TENSOR:
            found[attribute.name] = weights.array(attribute.t)
            continue
        try:
            found[attribute.name] = helper.get_attribute_value(attribute)
        except (ValueError, TypeError) as error:
            raise ModelError(f"{where} must have a value for attribute {attribute.name!r}") from error
    return found


def plain(value: object) -> Attribute:
    """An attribute as the Graph keeps it: hashable, text decoded."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, list | tuple):
        return tuple(plain(v) for v in value)  # type: ignore[return-value]
    if isinstance(value, int | float | str):
        return value
    return str(value)


def constant_value(node: onnx.NodeProto, where: str, weights: Weights) -> np.ndarray:
    """The value of a ``Constant`` node.

    Raises
    ------
    ModelError
        If it has none, or more than one.
    UnsupportedError
        If the value is no tensor of numbers.
    """
    if len(node.attribute) != 1 or len(node.output) != 1:
        raise ModelError(f"{where} must have one attribute and one output")
    attribute = node.attribute[0]
    if attribute.name not in CONSTANT_KINDS:
        raise UnsupportedError(f"{where} must hold a dense tensor or numbers, not {attribute.name}")
    if attribute.type != CONSTANT_KINDS[attribute.name]:
        raise ModelError(f"{where} must have an attribute {attribute.name} of its own type")
    if attribute.name == "value":
        attribute.t.name = attribute.t.name or node.output[0]
        return weights.array(attribute.t)
    numbers = np.array(helper.get_attribute_value(attribute))
    return numbers.astype(np.int64 if "int" in attribute.name else np.float32)

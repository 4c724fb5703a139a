"""Words of a stream as bits: the layouts of Amaranth, packed and unpacked."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Shape
from amaranth.lib import data


def pack(layout: Any, value: Any) -> int:
    """Return the bits of a (nested) value: dicts for structs, sequences for arrays, integers for the rest.

    Raises
    ------
    KeyError
        If a struct has other fields.
    ValueError
        If an array has another length, or a number does not fit.
    """
    if isinstance(layout, data.StructLayout):
        if set(value) != set(layout.members):
            raise KeyError(f"a word has the fields {list(layout.members)}, not {list(value)}")
        return sum(pack(layout.members[k], v) << layout[k].offset for k, v in value.items())
    if isinstance(layout, data.ArrayLayout):
        if len(value) != layout.length:
            raise ValueError(f"an array has {layout.length} elements, not {len(value)}")
        width = Shape.cast(layout.elem_shape).width
        return sum(pack(layout.elem_shape, v) << i * width for i, v in enumerate(value))
    shape = Shape.cast(layout)
    low, high = (-(1 << shape.width - 1), (1 << shape.width - 1) - 1) if shape.signed else (0, (1 << shape.width) - 1)
    if not low <= int(value) <= high:
        raise ValueError(f"{value} does not fit {shape}")
    return int(value) & (1 << shape.width) - 1


def unpack(layout: Any, bits: int) -> Any:
    """Return the value of bits: the inverse of :func:`pack`, with lists for arrays."""
    if isinstance(layout, data.StructLayout):
        return {k: unpack(shape, bits >> layout[k].offset) for k, shape in layout.members.items()}
    if isinstance(layout, data.ArrayLayout):
        width = Shape.cast(layout.elem_shape).width
        return [unpack(layout.elem_shape, bits >> i * width) for i in range(layout.length)]
    shape = Shape.cast(layout)
    bits &= (1 << shape.width) - 1
    return bits - (1 << shape.width) if shape.signed and bits >> shape.width - 1 else bits


def payload_shape(signature: Any) -> Any:
    """Return the layout of a stream's payload."""
    return signature.members["payload"].shape

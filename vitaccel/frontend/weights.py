"""Tensors of an ONNX model as NumPy arrays: mapped rather than copied, widened to the Graph's three element types."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from vitaccel.errors import ModelError, UnsupportedError

NATIVE: dict[int, np.dtype[Any]] = {
    TensorProto.FLOAT: np.dtype("<f4"),
    TensorProto.DOUBLE: np.dtype("<f8"),
    TensorProto.FLOAT16: np.dtype("<f2"),
    TensorProto.BFLOAT16: np.dtype("<u2"),
    TensorProto.INT64: np.dtype("<i8"),
    TensorProto.INT32: np.dtype("<i4"),
    TensorProto.INT16: np.dtype("<i2"),
    TensorProto.INT8: np.dtype("i1"),
    TensorProto.UINT64: np.dtype("<u8"),
    TensorProto.UINT32: np.dtype("<u4"),
    TensorProto.UINT16: np.dtype("<u2"),
    TensorProto.UINT8: np.dtype("u1"),
    TensorProto.BOOL: np.dtype("?"),
}
"""ONNX element types accepted, and how they lie in memory."""

PACKED: dict[int, bool] = {TensorProto.INT4: True, TensorProto.UINT4: False}
"""Element types with two numbers in a byte, the first in its low half; whether they have a sign."""

FLOATS = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
CHUNK = 1 << 20
"""Elements examined at a time when looking for NaN."""


def element_of(onnx_type: int, *, where: str) -> str:
    """The Graph's element type of an ONNX one.

    Raises
    ------
    UnsupportedError
        If the type is none of :data:`NATIVE`.
    """
    if onnx_type in FLOATS:
        return "f32"
    if onnx_type == TensorProto.BOOL:
        return "bool"
    if onnx_type in NATIVE:
        return "i64"
    known = onnx_type in TensorProto.DataType.values()
    name = TensorProto.DataType.Name(onnx_type) if known else f"number {onnx_type}"
    raise UnsupportedError(f"{where} must be float, fp16, bf16, double, integer or bool, not of type {name}")


class Weights:
    """Reader of a model's tensors.

    Parameters
    ----------
    folder
        Folder of the model file, which external data is relative to; ``None`` for a model made in memory.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._maps: dict[str, np.ndarray] = {}

    def array(self, tensor: TensorProto) -> np.ndarray:
        """The values, as f32, i64 or bool; a view of the file when it holds them that way.

        Raises
        ------
        ModelError
            If data is missing, truncated, of the wrong length, or NaN or infinite.
        UnsupportedError
            If the element type is not one of :data:`NATIVE`.
        """
        element_of(tensor.data_type, where=f"initializer {tensor.name!r}")
        if any(d < 0 for d in tensor.dims):
            raise ModelError(f"initializer {tensor.name!r} must have dimensions of at least 0, not {list(tensor.dims)}")
        values = widen(self._stored(tensor), tensor.data_type)
        if values.dtype == np.float32 and not is_finite_or_mask(values):
            raise ModelError(f"initializer {tensor.name!r} must hold finite numbers, but it holds NaN or infinity")
        return values

    def integers(self, tensor: TensorProto) -> np.ndarray:
        """The values of a tensor of integers, as narrow as they are stored; four bits as int8 or uint8.

        Raises
        ------
        ModelError
            If data is missing, truncated or of the wrong length.
        UnsupportedError
            If the elements are no integers.
        """
        if tensor.data_type in PACKED:
            return self._unpacked(tensor)
        element = element_of(tensor.data_type, where=f"initializer {tensor.name!r}")
        if element != "i64":
            raise UnsupportedError(f"initializer {tensor.name!r} must hold integers to be dequantized, not {element}")
        return self._stored(tensor)

    def _unpacked(self, tensor: TensorProto) -> np.ndarray:
        shape, signed = tuple(tensor.dims), PACKED[tensor.data_type]
        external = tensor.data_location == TensorProto.EXTERNAL
        if external or tensor.HasField("raw_data"):
            raw = self._external(tensor) if external else np.frombuffer(tensor.raw_data, np.uint8)
        else:
            raw = np.array(tensor.int32_data, np.int32).astype(np.uint8)
        if raw.size != (prod(shape) + 1) // 2:
            raise ModelError(
                f"initializer {tensor.name!r} must have {(prod(shape) + 1) // 2} bytes for its shape {list(shape)}, "
                f"not {raw.size}"
            )
        halves = np.stack([raw & 15, raw >> 4], axis=-1).reshape(-1)[: prod(shape)].reshape(shape)
        return ((halves ^ 8).astype(np.int8) - np.int8(8)) if signed else halves

    def _stored(self, tensor: TensorProto) -> np.ndarray:
        dtype, shape = NATIVE[tensor.data_type], tuple(tensor.dims)
        external = tensor.data_location == TensorProto.EXTERNAL
        if not external and not tensor.HasField("raw_data"):
            return _typed_field(tensor, dtype, shape)
        raw = self._external(tensor) if external else np.frombuffer(tensor.raw_data, np.uint8)
        if raw.size != prod(shape) * dtype.itemsize:
            raise ModelError(
                f"initializer {tensor.name!r} must have {prod(shape) * dtype.itemsize} bytes for its shape "
                f"{list(shape)}, not {raw.size}"
            )
        return raw.view(dtype).reshape(shape) if raw.size else np.empty(shape, dtype)

    def _external(self, tensor: TensorProto) -> np.ndarray:
        entry = {e.key: e.value for e in tensor.external_data}
        location = entry.get("location", "")
        data = self._mapped(tensor.name, location)
        try:
            offset, length = int(entry.get("offset", "0")), int(entry.get("length", "-1"))
        except ValueError as error:
            raise ModelError(f"the external data of {tensor.name!r} must have a numeric offset and length") from error
        length = data.size - offset if "length" not in entry else length
        if offset < 0 or length < 0 or offset + length > data.size:
            raise ModelError(
                f"the external data of {tensor.name!r} must lie within {location!r}, but bytes {offset} to "
                f"{offset + length} of {data.size} are asked for: is the file truncated?"
            )
        return data[offset : offset + length]

    def _mapped(self, name: str, location: str) -> np.ndarray:
        if location in self._maps:
            return self._maps[location]
        if self._folder is None:
            raise ModelError(f"the data of {name!r} must be in the model, since a model in memory has no folder")
        inside = location and not Path(location).is_absolute() and ".." not in Path(location).parts
        if not inside or "\0" in location:
            raise ModelError(f"the external data of {name!r} must be in the model's folder, not at {location!r}")
        file = self._folder / location
        try:
            mapped = np.memmap(file, np.uint8, "r") if file.stat().st_size else np.empty(0, np.uint8)
        except FileNotFoundError as error:
            raise ModelError(f"{file} must exist: the model keeps the data of {name!r} there") from error
        except OSError as error:
            raise ModelError(f"{file} must be readable: {error.strerror}") from error
        # A plain ndarray: np.memmap's own views cost ten times more to make.
        self._maps[location] = mapped.view(np.ndarray)
        return self._maps[location]


def _typed_field(tensor: TensorProto, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """Values stored in ``float_data``, ``int32_data`` and their like."""
    fields: dict[int, str] = {
        TensorProto.FLOAT: "float_data",
        TensorProto.DOUBLE: "double_data",
        TensorProto.INT64: "int64_data",
        TensorProto.UINT32: "uint64_data",
        TensorProto.UINT64: "uint64_data",
    }
    numbers = getattr(tensor, fields.get(tensor.data_type, "int32_data"))
    if len(numbers) != prod(shape):
        raise ModelError(
            f"initializer {tensor.name!r} must have {prod(shape)} elements for its shape {list(shape)}, "
            f"not {len(numbers)}"
        )
    return np.array(numpy_helper.to_array(tensor)).view(dtype).reshape(shape)


def widen(values: np.ndarray, onnx_type: int) -> np.ndarray:
    """Values of any accepted ONNX type as f32, i64 or bool, without a copy where the type fits already."""
    if onnx_type == TensorProto.BFLOAT16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    if onnx_type in FLOATS:
        with np.errstate(over="ignore"):
            return values.astype(np.float32, copy=False)
    return values if onnx_type == TensorProto.BOOL else values.astype(np.int64, copy=False)


def is_finite_or_mask(values: np.ndarray) -> bool:
    """Whether all values are finite; an attention mask of 0 and -inf passes, and so does a single infinity.

    A sum is NaN or infinite if one of its terms is, and reads memory once; only a chunk whose sum is not finite is
    looked at element by element (it may merely have overflowed).
    """
    flat = values.reshape(-1)
    for start in range(0, flat.size, CHUNK):
        chunk = flat[start : start + CHUNK]
        with np.errstate(all="ignore"):
            if np.isfinite(chunk.sum()) or np.isfinite(chunk).all():
                continue
        if np.isnan(chunk).any() or (flat.size > 1 and not np.isin(chunk, (0.0, -np.inf)).all()):
            return False
    return True


def as_tensor(values: np.ndarray) -> onnx.TensorProto:
    """A small constant as onnx's shape inference wants it."""
    return numpy_helper.from_array(np.ascontiguousarray(values).reshape(values.shape))

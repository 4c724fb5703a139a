"""Read an ONNX file: its structure as a ``ModelProto``, its weights left where they are on disk."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from vitaccel.errors import ModelError, UnsupportedError
from vitaccel.frontend.wire import WireError, without_weights

MIN_OPSET = 13
"""Below it Softmax, Squeeze and ReduceSum mean something else."""

ZIP_MAGIC = b"PK\x03\x04"
PICKLE_MAGIC = b"\x80\x02"
HDF5_MAGIC = b"\x89HDF"


def load(path: str | Path) -> onnx.ModelProto:
    """Read and check an ONNX file.

    Parameters
    ----------
    path
        A ``.onnx`` file.

    Returns
    -------
    onnx.ModelProto
        The model; large initializers are external-data references, relative to the file's folder, even when the file
        holds them inline (see :mod:`vitaccel.frontend.wire`).

    Raises
    ------
    ModelError
        If the file cannot be read, is not ONNX, is truncated, or holds no graph.
    UnsupportedError
        If its opset is older than 13 or newer than the installed ``onnx`` package knows.
    """
    file = Path(path)
    lean = _lean_bytes(file)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(lean)
    except DecodeError as error:
        raise ModelError(f"{file} must be an ONNX model, but its protobuf cannot be decoded") from error
    if not model.HasField("graph") or not (model.graph.node or model.graph.output):
        raise ModelError(f"{file} must be an ONNX model, but it holds no graph")
    check_text(model)
    check_opset(model)
    return model


def check_text(model: onnx.ModelProto) -> None:
    """Check that every name in a model is text: protobuf hands out ``bytes`` where it is not UTF-8.

    Raises
    ------
    ModelError
        If a name is not.
    """
    functions = (n for f in model.functions for n in (f.name, f.domain))
    for name in (*_names(model.graph), *(o.domain for o in model.opset_import), *functions):
        if not isinstance(name, str):
            raise ModelError(f"names in the model must be UTF-8, not {name!r}")


def _names(graph: onnx.GraphProto) -> Iterator[object]:
    for value in (*graph.input, *graph.output, *graph.initializer):
        yield value.name
    for info in graph.input:
        yield from (dim.dim_param for dim in info.type.tensor_type.shape.dim)
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        for attribute in node.attribute:
            yield attribute.name
            if attribute.HasField("g"):
                yield from _names(attribute.g)


def check_opset(model: onnx.ModelProto) -> int:
    """The version of the default operator set.

    Raises
    ------
    ModelError
        If the model imports no default operator set.
    UnsupportedError
        If the version is out of range.
    """
    versions = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
    if not versions:
        raise ModelError("the model must import the default operator set, but its opset_import names none")
    newest = onnx.defs.onnx_opset_version()
    if not MIN_OPSET <= versions[0] <= newest:
        raise UnsupportedError(
            f"opset must be {MIN_OPSET} to {newest}, not {versions[0]}: export again, as with opset_version=18"
        )
    return int(versions[0])


def _lean_bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as handle:
            if not handle.read(1):
                raise ModelError(f"{file} must be an ONNX model, but it is empty")
            mapped = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
    except IsADirectoryError as error:
        raise ModelError(f"{file} must be an ONNX file, not a directory") from error
    except FileNotFoundError as error:
        raise ModelError(f"{file} must exist") from error
    except PermissionError as error:
        raise ModelError(f"{file} must be readable, but permission is denied") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} must be a readable file: {_reason(error)}") from error
    view = memoryview(mapped)
    try:
        _check_magic(file, bytes(view[:8]))
        return without_weights(view, file.name)
    except WireError as error:
        raise ModelError(f"{file} must be a complete ONNX model, but it is truncated or of another format") from error


def _check_magic(file: Path, head: bytes) -> None:
    if head.startswith(ZIP_MAGIC) or head.startswith(PICKLE_MAGIC):
        raise ModelError(
            f"{file} must be an ONNX model, not a PyTorch checkpoint or zip archive: export it with torch.onnx.export"
        )
    if head.startswith(HDF5_MAGIC):
        raise ModelError(f"{file} must be an ONNX model, not an HDF5 file")


def _reason(error: OSError | ValueError) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)

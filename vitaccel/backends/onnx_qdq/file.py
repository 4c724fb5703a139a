"""An ONNX model in a file that appears whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from vitaccel.backends.onnx_qdq.model import to_onnx
from vitaccel.errors import OutputError
from vitaccel.ir.graph import Graph

LIMIT_BYTES = 2**31 - 1
"""Largest protobuf message; 2 GiB of int8 weights are more parameters than any model of the zoo has."""


def save(graph: Graph, path: str | Path, *, quantization: str = "") -> Path:
    """Write a quantized Graph as a standard ONNX file; see :func:`vitaccel.backends.onnx_qdq.to_onnx`.

    Parameters
    ----------
    graph
        The quantized Graph.
    path
        The file, ending in ``.onnx``. It is written aside and renamed, so an old file stays until the new one is whole.
    quantization
        The quantizer's choices, JSON text for the model's metadata.

    Raises
    ------
    OutputError
        If the file cannot be written, or would be larger than a protobuf can be, 2 GiB.
    UnsupportedError, ValueError
        As :func:`vitaccel.backends.onnx_qdq.to_onnx`.
    """
    target = Path(path)
    if target.suffix != ".onnx" or target.is_dir():
        raise OutputError(f"the quantized model must be a file that ends in .onnx, not {target}")
    if not target.parent.is_dir():
        raise OutputError(f"the folder of the quantized model must exist, not be missing: {target.parent}")
    model = to_onnx(graph, quantization=quantization)
    size = model.ByteSize()
    if size > LIMIT_BYTES:
        raise OutputError(
            f"the quantized model {target.name} must be under 2 GiB, as protobuf demands, not {size} bytes"
        )
    data = model.SerializeToString()
    try:
        handle, aside = tempfile.mkstemp(prefix=".qdq-", suffix=".onnx", dir=target.parent)
    except OSError as error:
        raise OutputError(f"the folder {target.parent} must be writable, but: {error.strerror or error}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        # mkstemp makes files that nobody else may read.
        Path(aside).chmod(0o666 & ~_umask())
        Path(aside).replace(target)
    except OSError as error:
        Path(aside).unlink(missing_ok=True)
        raise OutputError(f"the quantized model {target} must be writable, but: {error.strerror or error}") from error
    return target


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

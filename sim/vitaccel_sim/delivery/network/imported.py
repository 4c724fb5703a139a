"""A quantized model as a file, on a machine: imported as the verification will import it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

from vitaccel.arch import Arch
from vitaccel.errors import UnsupportedError
from vitaccel.execution import IntegerModel
from vitaccel.frontend import import_model
from vitaccel.ir.graph import Graph
from vitaccel.quantization.runnable import machine_for, runnable


def integer_model(onnx: bytes, name: str, arch: Arch, *, said: Collection[str] = ()) -> IntegerModel:
    """Return a quantized model on a machine.

    Parameters
    ----------
    onnx, name
        The model as a file, and what it is called.
    arch, said
        The machine, and the keys of it that its user wrote down; number formats of others are the model's.

    Raises
    ------
    VitaccelError
        If the model cannot be run in integers, or does not fit the machine.
    """
    graph = imported(onnx, name)
    return IntegerModel(graph, machine_for(graph, arch, said=said))


def imported(onnx: bytes, name: str) -> Graph:
    """Import a file as the verification will.

    Raises
    ------
    VitaccelError
        If it cannot be run in integers.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        path.write_bytes(onnx)
        found = import_model(path)
        graph = runnable(found.graph, name, own=bool(found.quantization))
    elements = {graph[key].type.element for key in graph.inputs}
    if "f32" not in elements:
        raise UnsupportedError(f"{name} must have an input of numbers, not of {', '.join(sorted(elements))} only")
    return graph

"""A network assembled for a machine: its program and weights as bytes, and where everything stands in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from vitaccel.arch import Arch
from vitaccel.backends.rtl.assemble import assemble
from vitaccel.backends.rtl.memory_map import MemoryMap, memory_map
from vitaccel.backends.rtl.program_file import ProgramFile, encode_program
from vitaccel.errors import UnsupportedError
from vitaccel.execution import IntegerModel
from vitaccel.frontend import import_model
from vitaccel.ir.graph import Graph
from vitaccel.quantization.runnable import machine_for, runnable

Images = Callable[[Graph], Mapping[str, np.ndarray]]
"""Golden images for a model, as :meth:`vitaccel.execution.IntegerModel.tensors` takes them."""

PROGRAM_ALIGNMENT = 4096
"""Bytes: the program stands in pages of its own."""


@dataclass(frozen=True, kw_only=True)
class Assembled:
    """A network as a machine is given it.

    Parameters
    ----------
    model
        The network.
    instructions
        Its program.
    program, weights
        As bytes.
    memory
        Where they and the tensors are.
    """

    model: IntegerModel
    instructions: ProgramFile
    program: bytes
    weights: bytes
    memory: MemoryMap

    def inputs(self, images: Images) -> dict[str, np.ndarray]:
        """Return golden images with the first of every choice of tasks, whose constants the weights have."""
        return {**images(self.model.graph), **{name: np.array([0]) for name in indices(self.model.graph)}}


def assembled_network(model: IntegerModel, name: str) -> Assembled:
    """Return a network as its machine is given it.

    Parameters
    ----------
    model
        The network.
    name
        What it is called.

    Raises
    ------
    VitaccelError
        If it takes what the accelerator does not have.
    """
    _, plan, program = model.lowered
    instructions = assemble(program)
    raw = encode_program(instructions)
    address = -(-program.dram_bytes // PROGRAM_ALIGNMENT) * PROGRAM_ALIGNMENT
    memory = memory_map(plan, program, program_address=address, program_bytes=len(raw))
    constants = model.machine(dict.fromkeys(indices(model.graph), 0)).constants
    return Assembled(
        model=model,
        instructions=instructions,
        program=raw,
        weights=constants.numpy().tobytes(),
        memory=replace(memory, name=name),
    )


def indices(graph: Graph) -> list[str]:
    """Return the inputs of a model that choose a task."""
    return [key for key in graph.inputs if graph[key].type.element != "f32"]


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

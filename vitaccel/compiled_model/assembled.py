"""A network assembled for a machine: its program and weights as bytes, and where everything stands in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from vitaccel.backends.rtl.assemble import assemble
from vitaccel.backends.rtl.memory_map import MemoryMap, memory_map
from vitaccel.backends.rtl.program_file import ProgramFile, encode_program
from vitaccel.execution import IntegerModel
from vitaccel.ir.graph import Graph

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

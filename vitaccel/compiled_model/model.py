"""A quantized model run on the accelerator in C++: the numbers of :class:`vitaccel.execution.IntegerModel`, faster."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vitaccel.arch import Arch
from vitaccel.backends.hls.compiled import compiled
from vitaccel.backends.hls.sources import hls_sources
from vitaccel.backends.rtl.assemble import machine_parameters
from vitaccel.backends.rtl.assemble_attention import KEPT_ROWS
from vitaccel.compiled_model.assembled import Assembled, assembled_network
from vitaccel.compiled_model.hls_model import HlsModel
from vitaccel.errors import UnsupportedError
from vitaccel.execution import IntegerModel
from vitaccel.ir.graph import Graph
from vitaccel.ir.layout import from_bytes, to_bytes
from vitaccel.ir.program import Engine, Program, Route

if TYPE_CHECKING:
    from vitaccel.backends.interpreter.machine import Run

IMAGES = 8
"""Images of a call, one after another: progress is told behind them."""


class CompiledModel(IntegerModel):
    """A quantized Graph on a machine in C++.

    Parameters
    ----------
    graph, arch
        See :class:`vitaccel.execution.IntegerModel`.
    say
        Called before the C++ is compiled, which takes seconds once for each machine.

    Raises
    ------
    VitaccelError
        As :class:`vitaccel.execution.IntegerModel`; if there is no C++ of the machine, or no compiler.
    """

    def __init__(self, graph: Graph, arch: Arch, *, say: Callable[[str], None] = lambda _: None) -> None:
        check_machine(arch)
        super().__init__(graph, arch)
        say("compile C++")
        self._file = library_of(arch)
        self._engines: dict[tuple[tuple[str, int], ...], CompiledMachine] = {}

    def engine(self, choices: Mapping[str, int]) -> CompiledMachine:
        """Return the machine with the constants of a choice of tasks; made once for each."""
        key = tuple(sorted(choices.items()))
        if key not in self._engines:
            constants = self.machine(choices).constants.numpy().tobytes()
            self._engines[key] = CompiledMachine(self._file, self._assembled, constants)
        return self._engines[key]

    @cached_property
    def _assembled(self) -> Assembled:
        return assembled_network(self, self.lowered.program.name)


class CompiledMachine:
    """The machine in C++ with a program and its constants in memory: what the interpreter's Machine is, for its model.

    Parameters
    ----------
    library
        That :func:`library_of` its machine returned.
    network
        The network.
    constants
        Its weights, for a choice of tasks.
    """

    most_images = IMAGES

    def __init__(self, library: Path, network: Assembled, constants: bytes) -> None:
        self._arch, self._memory = network.model.arch, network.memory
        self._routes = _routes(network.model.lowered.program)
        self._hls = HlsModel(library, self._memory, program=network.program, weights=constants)

    def run(self, inputs: Mapping[str, np.ndarray], *, taps: Collection[str] = ()) -> Run:
        """Run images one after another.

        Parameters
        ----------
        inputs
            Integers ``[images, frames, tokens, channels]`` of every input tensor of the Plan.
        taps
            Tensors to look at as soon as they are whole.
        """
        from vitaccel.backends.interpreter.machine import Run

        entries = [self._memory.tensor(name) for name in inputs]
        raw = {entry.dram: to_bytes(inputs[entry.name], entry.tensor, self._arch) for entry in entries}
        images = [
            self._image({address: values[at] for address, values in raw.items()}, taps)
            for at in range(len(next(iter(inputs.values()))))
        ]
        first = images[0]
        return Run(
            outputs={name: self._numbers(name, [image.outputs[name] for image in images]) for name in first.outputs},
            taps={name: self._numbers(name, [image.taps[name] for image in images]) for name in first.taps},
            choices={layer: np.stack([image.choices[layer] for image in images]) for layer in first.choices},
        )

    def _image(self, inputs: Mapping[int, np.ndarray], taps: Collection[str]) -> Run:
        """Bytes of outputs and taps, and choices, of an image whose bytes go to these addresses."""
        from vitaccel.backends.interpreter.machine import Run

        for address, raw in inputs.items():
            self._hls.load(address, raw.tobytes())
        entries = [entry for entry in self._memory.tensors if entry.name in taps]
        states = [*(entry.completed for entry in entries), *(completed for _, completed in self._routes)]
        seen: dict[str, np.ndarray] = {}
        chosen: dict[int, np.ndarray] = {}
        for at in self._hls.states(states):
            if at < len(entries):
                seen[entries[at].name] = self._hls.read(entries[at])
            else:
                route, _ = self._routes[at - len(entries)]
                chosen[at - len(entries)] = self._hls.experts()[: route.tokens, : route.k]
        choices: dict[str, list[np.ndarray]] = {}
        for place, (route, _) in enumerate(self._routes):
            choices.setdefault(route.layer, []).append(chosen[place])
        return Run(
            outputs={name: self._hls.read(self._memory.tensor(name)) for name in self._memory.outputs},
            taps={entry.name: seen[entry.name] for entry in entries},
            choices={layer: np.concatenate(groups).astype(np.int64) for layer, groups in choices.items()},
        )

    def _numbers(self, name: str, raw: list[np.ndarray]) -> np.ndarray:
        return from_bytes(np.stack(raw), self._memory.tensor(name).tensor, self._arch)


def check_machine(arch: Arch) -> None:
    """Refuse a machine of which there is no C++.

    Raises
    ------
    UnsupportedError
        If there is none.
    """
    if arch.array.count != 1:
        raise UnsupportedError(f"the accelerator in C++ must have one array, not {arch.array.count}")
    machine_parameters(arch)
    side = arch.array.side
    if side & (side - 1):
        raise UnsupportedError(
            f"P of the accelerator in C++ must be a power of two, as a word is what its bus has, not {side}"
        )


def machine_sources(arch: Arch) -> dict[str, str]:
    """Return all C++ of a machine by file name."""
    return hls_sources(machine_parameters(arch), arch.numerics, kept_rows=KEPT_ROWS)


def library_of(arch: Arch) -> Path:
    """Return the C++ of a machine as a library for :class:`vitaccel.compiled_model.hls_model.HlsModel`.

    Raises
    ------
    CompileError
        If there is no compiler.
    """
    return compiled(machine_sources(arch), "model.cpp", is_library=True)


def _routes(program: Program) -> list[tuple[Route, tuple[int, int, int, int]]]:
    """Routings, each with what has completed when it has and no other has."""
    found, before = [], 0
    for instruction in program.instructions:
        before += instruction.engine == Engine.VECTOR
        if isinstance(instruction, Route):
            completed = [0] * len(Engine)
            completed[Engine.VECTOR] = before
            load, compute, vector, store = completed
            found.append((instruction, (load, compute, vector, store)))
    return found

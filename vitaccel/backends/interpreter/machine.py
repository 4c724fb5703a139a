"""Run a Program instruction by instruction, for several images side by side."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from vitaccel.backends.interpreter import attention, lane, matmul, moe, transfer
from vitaccel.backends.interpreter.execute import State, execute
from vitaccel.backends.interpreter.memory import Dram, Memories
from vitaccel.ir.layout import from_bytes, to_bytes
from vitaccel.ir.plan import TOKEN, Plan
from vitaccel.ir.program import Program

MEANINGS = (attention, lane, matmul, moe, transfer)
"""Modules that say what instructions mean; importing them registers it."""

PRIVATE = ("input", "output", "activation")
"""Kinds of tensors that every image has for itself."""


@dataclass(frozen=True)
class Run:
    """What a run made of some images.

    Parameters
    ----------
    outputs
        Integers ``[images, frames, tokens, channels]`` of the Plan's outputs, by tensor.
    taps
        The same of every tensor that was asked for.
    choices
        Experts chosen in each layer of experts, ``[images, tokens of all frames, k]``, by label.
    """

    outputs: dict[str, np.ndarray]
    taps: dict[str, np.ndarray]
    choices: dict[str, np.ndarray]


class Machine:
    """The machine with a Program and its constants in DRAM.

    Parameters
    ----------
    plan, program
        The Program, and the Plan it was scheduled from (for the places of tensors).
    constants
        uint8 of the whole DRAM, see :class:`vitaccel.backends.image.Image`.
    """

    def __init__(self, plan: Plan, program: Program, constants: np.ndarray) -> None:
        self.plan, self.program = plan, program
        self.constants = torch.from_numpy(constants)
        self.arch = program.arch
        private = [name for name, tensor in plan.tensors.items() if tensor.kind in PRIVATE]
        self.regions = {name: program.dram_map[name] for name in private if name in program.dram_map}
        self.last = self._last_instruction()

    @property
    def most_images(self) -> int:
        """Images that may run side by side: one where their routing decides which weights are loaded."""
        routed = any(layer.routed for layer in self.program.layers)
        return 1 if routed and self.arch.moe.order == "longest" else 1 << 16

    def run(
        self,
        inputs: Mapping[str, np.ndarray],
        *,
        taps: Collection[str] = (),
        progress: Callable[[float], None] | None = None,
    ) -> Run:
        """Run images side by side.

        Parameters
        ----------
        inputs
            Integers ``[images, frames, tokens, channels]`` of every input tensor of the Plan.
        taps
            Tensors to look at as soon as their kernel is done.
        progress
            Called with the share of instructions done.
        """
        images = len(next(iter(inputs.values())))
        state = State(self.arch, Memories(self.arch, Dram(self.constants, self.regions, images), images))
        for name, values in inputs.items():
            raw = to_bytes(values, self.plan.tensors[name], self.arch)
            state.memories.dram.own[name].copy_(torch.from_numpy(raw.view(np.int8)))
        wanted = set(taps)
        seen: dict[str, np.ndarray] = {}
        for at, instruction in enumerate(self.program.instructions):
            execute(instruction, state)
            for name in self.last.get(at, ()):
                if name in wanted:
                    seen[name] = self.look(name, state)
            if progress and at % 64 == 0:
                progress(at / len(self.program.instructions))
        outputs = {name: self._in_dram(name, state) for name in self.plan.outputs}
        choices = {layer: torch.cat(groups, 1).numpy() for layer, groups in state.choices.items()}
        return Run(outputs, seen, choices)

    def look(self, name: str, state: State) -> np.ndarray:
        """Integers of a tensor where it is now: in DRAM when it lives there, else on chip."""
        tensor = self.plan.tensors[name]
        if tensor.home == "dram":
            return self._in_dram(name, state)
        place, banks = self.plan.places[name], state.memories.activation
        if tensor.layout != TOKEN:
            rows = tensor.frames * tensor.tokens
            values = banks.read_rows(place.address, tensor.tile_words(), rows, tensor.channels, tensor.element_bytes)
            return values.to(torch.int64).numpy().reshape(-1, tensor.frames, tensor.tokens, tensor.channels)
        step, blocks = tensor.row_block_words(self.arch), tensor.row_blocks(self.arch)
        values = banks.read_tokens(place.address, step, blocks, tensor.channels, tensor.element_bytes)
        split = values.to(torch.int64).numpy().reshape(len(values), tensor.frames, -1, tensor.channels)
        return split[:, :, : tensor.tokens]

    def _in_dram(self, name: str, state: State) -> np.ndarray:
        raw = state.memories.dram.own[name].numpy().view(np.uint8)
        return from_bytes(raw, self.plan.tensors[name], self.arch)

    def _last_instruction(self) -> dict[int, list[str]]:
        """The tensors whose kernel ends with an instruction."""
        last_of = {kernel: at for at, kernel in enumerate(self.program.kernel_of)}
        found: dict[int, list[str]] = {}
        for at, kernel in enumerate(self.plan.kernels):
            if at in last_of:
                found.setdefault(last_of[at], []).append(kernel.out)
        return found

"""One function for all instructions, by kind; the kinds register themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatch

import torch
from torch import Tensor

from vitaccel.arch import Arch
from vitaccel.backends.interpreter.memory import Memories
from vitaccel.ir.parameters import TABLE_ENTRIES, decode_sets
from vitaccel.ir.program import Instruction


@dataclass
class Queue:
    """Assignments of an expert in one image: token and gate score (uq0.16) of each, in the order they are worked on."""

    expert: int
    tokens: Tensor
    scores: Tensor


@dataclass
class State:
    """What instructions read and write.

    Parameters
    ----------
    arch
        The machine.
    memories
        Its buffers and DRAM.
    queues
        For every image, the expert queues of the last routing, slot by slot: expert e itself in static order, the
        e-th longest queue otherwise.
    choices
        Of every layer of experts, the experts chosen by each routing so far, ``[images, tokens, k]``, best first.
    decoded
        Weight tiles by ring address, with the load they came with.
    """

    arch: Arch
    memories: Memories
    queues: list[list[Queue]] = field(default_factory=list)
    choices: dict[str, list[Tensor]] = field(default_factory=dict)
    decoded: dict[int, tuple[int, object]] = field(default_factory=dict)

    def sets(self, first: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Offsets, multipliers and shifts of parameter sets."""
        raw = self.memories.parameter[first : first + count].numpy().reshape(-1)
        offsets, multipliers, shifts = torch.from_numpy(decode_sets(raw))
        return offsets, multipliers, shifts

    def table(self, slot: int) -> Tensor:
        """The outputs of an activation table for inputs -128 to 127, int64."""
        raw = self.memories.tables[slot]
        if raw.numel() == TABLE_ENTRIES:
            return raw.to(torch.int64)
        low, high = raw.reshape(TABLE_ENTRIES, 2).unbind(-1)
        return (high.to(torch.int64) << 8) | (low.to(torch.int64) & 0xFF)

    def look_up(self, slot: int, codes: Tensor) -> Tensor:
        """An activation of int8 codes."""
        return self.table(slot).index_select(0, (codes + TABLE_ENTRIES // 2).reshape(-1)).reshape(codes.shape)


@singledispatch
def execute(instruction: Instruction, state: State) -> None:  # noqa: ARG001
    """Do one instruction."""
    raise TypeError(f"no meaning for {type(instruction).__name__}")

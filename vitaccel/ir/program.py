"""The Program: what the machine fetches. Macro-instructions for four engines, with dependency counts.

Each engine (load, compute, vector, store) takes its own instructions in order. An instruction starts when its engine
is free and, for every engine e, at least ``waits[e]`` instructions of e have completed: a dependency token is a count.
Waits only ever name instructions that stand earlier in the program, so no program can deadlock.

The instructions themselves are in :mod:`vitaccel.ir.instruction`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vitaccel.arch import Arch
from vitaccel.ir.instruction import BY_ARRAY as BY_ARRAY
from vitaccel.ir.instruction import NO_WAITS as NO_WAITS
from vitaccel.ir.instruction import NOWHERE as NOWHERE
from vitaccel.ir.instruction import Attention as Attention
from vitaccel.ir.instruction import Engine as Engine
from vitaccel.ir.instruction import Gather as Gather
from vitaccel.ir.instruction import Instruction as Instruction
from vitaccel.ir.instruction import Lane as Lane
from vitaccel.ir.instruction import Load as Load
from vitaccel.ir.instruction import MatMul as MatMul
from vitaccel.ir.instruction import Route as Route
from vitaccel.ir.instruction import ScatterAdd as ScatterAdd
from vitaccel.ir.instruction import Store as Store
from vitaccel.ir.instruction import Transfer as Transfer
from vitaccel.ir.routed import Routed as Routed

VERSION = 1


@dataclass(frozen=True)
class Region:
    """A tensor's place in the activation buffer, and the first and last instruction that touch it.

    ``touched`` are those of each engine that does: engines overlap, so any of them may be the first or last in time.
    """

    tensor: str
    address: int
    words: int
    first: int
    last: int
    touched: tuple[int, ...] = ()


@dataclass
class Program:
    """Instructions in program order, with what is needed to load and to explain them.

    Parameters
    ----------
    name
        The model.
    arch
        The machine it was compiled for.
    instructions
        In program order; each engine takes its own in this order.
    kernel_of
        For each instruction, the index of its kernel.
    layers
        For each kernel, its label, op, useful MACs and multiplications.
    regions
        Places of tensors, for occupancy.
    dram_bytes
        Size of the DRAM image: weights, constants, inputs, outputs and spills.
    dram_map
        Address and bytes of everything in the DRAM image, by name: tensors of the Plan, and packed weights as
        ``node.weights`` of the Graph node that multiplies by them (for experts ``node.expertE.w1`` and ``.w2``).
    """

    name: str
    arch: Arch
    instructions: list[Instruction] = field(default_factory=list)
    kernel_of: list[int] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    dram_bytes: int = 0
    dram_map: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [
            f"program {self.name} version {VERSION} for {self.arch.array} PEs, {len(self.instructions)} instructions"
        ]
        layer = None
        for at, instruction in enumerate(self.instructions):
            if instruction.layer != layer:
                layer = instruction.layer
                lines.append(f"  {layer}:")
            lines.append(f"    {at:5} {instruction}")
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Layer:
    """A kernel as the reports name it.

    Parameters
    ----------
    label, op
        Name and kind.
    macs
        Useful MACs.
    routed
        For a layer of experts, what decides how much it does.
    multiplications
        In the PE arrays, of values and not of padding; 0 for a layer of experts, whose rows routing decides.
    """

    label: str
    op: str
    macs: int
    routed: Routed | None = None
    multiplications: int = 0

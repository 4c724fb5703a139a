"""From a Program to instructions of the accelerator: every field of every instruction, times included.

Places and waits are the Program's; times are the formulas of :mod:`vitaccel_rtl.accelerator.pace` and
:mod:`vitaccel_rtl.accelerator.vector_pace`. What the accelerator cannot do is refused, instruction by instruction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from vitaccel.arch import PARAMETER_BYTES, Arch
from vitaccel.backends.rtl.assemble_attention import attention_fields
from vitaccel.backends.rtl.assemble_experts import gather_fields, route_fields, scatter_fields
from vitaccel.backends.rtl.assemble_lane import lane_fields
from vitaccel.backends.rtl.assemble_matmul import matmul_fields
from vitaccel.backends.rtl.assemble_site import Site
from vitaccel.backends.rtl.assemble_transfer import load_fields, store_fields
from vitaccel.backends.rtl.program_file import Coded, ProgramFile
from vitaccel.errors import UnsupportedError
from vitaccel.ir.plan import LOGIT_BYTES
from vitaccel.ir.program import (
    Attention,
    Gather,
    Instruction,
    Lane,
    Load,
    MatMul,
    Program,
    Route,
    ScatterAdd,
    Store,
)
from vitaccel.ir.tensor import activation_words
from vitaccel_rtl.accelerator.isa import ATTENTION_MODES, ENGINES, OPERATIONS, features_word
from vitaccel_rtl.accelerator.parts import MOST_PARTS

FIELDS: dict[type[Instruction], Callable[[Any, Site], dict[str, int]]] = {
    Load: load_fields,
    Store: store_fields,
    MatMul: matmul_fields,
    Attention: attention_fields,
    Lane: lane_fields,
    Route: route_fields,
    Gather: gather_fields,
    ScatterAdd: scatter_fields,
}
"""What makes the fields of an instruction that are its operation's own; the operation is called as its mnemonic."""


MOST = {
    name: {placed.field.name: (1 << placed.field.bits) - 1 for placed in operation.places}
    for name, operation in OPERATIONS.items()
}
"""The largest value of every field, by operation."""

WAITS = tuple(f"wait_{engine}" for engine in ENGINES)
"""Fields of the instructions of each engine that must be done."""

OF_EXPERTS = (MatMul, Gather, ScatterAdd)
"""Instructions whose rows may be those of a queue."""


def assemble(program: Program) -> ProgramFile:
    """Return a Program as the machine fetches it.

    Raises
    ------
    UnsupportedError
        If the accelerator cannot do what an instruction says, or a number does not fit its field.
    """
    machine = machine_parameters(program.arch)
    return ProgramFile(
        machine=machine | {"features": features_word(features(program.instructions))},
        instructions=tuple(_assembled(at, each, program.arch) for at, each in enumerate(program.instructions)),
    )


def features(instructions: Iterable[Instruction]) -> frozenset[str]:
    """Return which of :data:`vitaccel_rtl.accelerator.isa.FEATURES` a machine must have for these instructions."""
    needed = set()
    for each in instructions:
        if each.expert >= 0 or isinstance(each, (Route, Gather, ScatterAdd)):
            needed.add("experts")
        elif isinstance(each, Attention) and (each.logits >= 0 or each.mode != ATTENTION_MODES[0]):
            needed.add("kept_logits")
        if isinstance(each, (MatMul, Lane)) and each.moments >= 0:
            needed.add("moments")
    return frozenset(needed)


def machine_parameters(arch: Arch) -> dict[str, int]:
    """Return what the header of a program says of its machine's sizes and formats, ``features`` excepted.

    Raises
    ------
    UnsupportedError
        If there is no such accelerator.
    """
    side, count, numerics = arch.array.side, arch.array.count, arch.numerics
    if count > MOST_PARTS:
        raise UnsupportedError(f"the accelerator must have {MOST_PARTS} arrays or fewer, not {count}")
    for name, bits in (("weights", numerics.weight_bits), ("numerators", numerics.numerator_bits)):
        if bits != 8:
            raise UnsupportedError(f"{name} of the accelerator must be of 8 bits, not {bits}")
    return {
        "side": side,
        "arrays": count,
        "activation_words": activation_words(arch),
        "weight_words": arch.buffers.weight_bytes // (side * count),
        "parameter_sets": arch.buffers.parameter_bytes // PARAMETER_BYTES,
        "logit_words": arch.buffers.logit_bytes // (side * LOGIT_BYTES * count),
        "moment_blocks": arch.buffers.moment_blocks,
        "numerics": numerics.weight_bits | numerics.numerator_bits << 8 | numerics.logit_fraction_bits << 16,
    }


def _assembled(at: int, instruction: Instruction, arch: Arch) -> Coded:
    name = instruction.mnemonic
    site = Site(f"instruction {at} ({name} of {instruction.layer})", arch)
    made = FIELDS.get(type(instruction))
    if made is None:
        known = ", ".join(kind.mnemonic for kind in FIELDS)
        raise UnsupportedError(f"{site.where} must be one of {known}: the accelerator has no other yet")
    fields = dict(zip(WAITS, instruction.waits, strict=True))
    if instruction.expert >= 0:
        able = isinstance(instruction, OF_EXPERTS)
        site.need(able, "must not be an expert's: of experts the accelerator has matmuls, and moves of their tokens")
        fields |= {"expert": instruction.expert, "has_expert": 1}
    fields |= made(instruction, site)
    most = MOST[name]
    kept = {field: value for field, value in fields.items() if value}
    for field, value in kept.items():
        if not 0 < value <= most[field]:
            site.need(False, f"must have {field} of 0 to {most[field]}, not {value}")
    return Coded(operation=name, fields=kept)

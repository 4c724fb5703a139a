"""Why the compute engine waits: what it waits for, and what that has waited for, back to where the wait began."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vitaccel.backends.cost_model.replay import NOTHING, Slot
from vitaccel.backends.cost_model.waits import Wait
from vitaccel.ir.program import Engine, Instruction, Lane, Program, Transfer


def predecessors(program: Program, slots: Sequence[Slot]) -> list[int]:
    """Return for each instruction what it could not start before: what it waited for, or its engine's one before it.

    A transfer has its engine when the one before it is done, whatever it had waited for. -1 stands for the program.
    """
    last = [NOTHING] * len(Engine)
    found = []
    for at, (instruction, slot) in enumerate(zip(program.instructions, slots, strict=True)):
        own = last[instruction.engine]
        is_next = own != NOTHING and isinstance(instruction, Transfer) and slots[own].done >= slot.start
        found.append(own if is_next or slot.cause == NOTHING else slot.blocker)
        last[instruction.engine] = at
    return found


def reasons(program: Program, slots: Sequence[Slot], before: Sequence[int], wait: Wait) -> Iterator[tuple[str, int]]:
    """Return the parts of a wait: a field of :class:`vitaccel.backends.cost_model.mac_slots.MacSlots`, and cycles.

    Parameters
    ----------
    program, slots
        The run.
    before
        What :func:`predecessors` told of it.
    wait
        One of its :func:`vitaccel.backends.cost_model.waits.waits`.
    """
    end, at = wait.begin + wait.cycles, wait.blocker
    while end > wait.begin:
        begin = max(wait.begin, slots[at].start) if at != NOTHING else wait.begin
        if end > begin:
            yield _reason(program.instructions[at] if at != NOTHING else None), end - begin
        end = min(end, begin)
        at = before[at] if at != NOTHING else NOTHING


def _reason(instruction: Instruction | None) -> str:
    """Return the field of what is waited for."""
    if instruction is None:
        return "program"
    if instruction.engine is Engine.COMPUTE:
        return "drain"
    if isinstance(instruction, Transfer):
        return "load" if instruction.engine is Engine.LOAD else "store"
    if not isinstance(instruction, Lane):
        return "experts"
    return "layernorm" if instruction.function == "layernorm" else "lanes"

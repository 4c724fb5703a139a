"""When the compute engine waits, and for what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vitaccel.backends.cost_model.replay import NOTHING, Slot
from vitaccel.ir.program import Engine, Program


class Wait(NamedTuple):
    """Cycles in which the compute engine does nothing.

    Parameters
    ----------
    layer
        Whose they are: of what is waited for if that is of the vector or the store engine, else of who waits.
    cause, blocker
        Engine and place in the program of what is waited for; the place is -1 for the program itself.
    begin, cycles
        The first of them, and how many.
    """

    layer: int
    cause: Engine
    blocker: int
    begin: int
    cycles: int


def waits(program: Program, slots: Sequence[Slot], end: int) -> Iterator[Wait]:
    """Return all waits of a run of *end* cycles: they and the occupied cycles of the compute engine sum to it."""
    free, last = 0, NOTHING
    for at, (instruction, slot) in enumerate(zip(program.instructions, slots, strict=True)):
        if instruction.engine is not Engine.COMPUTE:
            continue
        if slot.start > free:
            cause = Engine(slot.cause)
            owner = slot.blocker if cause in (Engine.VECTOR, Engine.STORE) else at
            yield Wait(program.kernel_of[owner], cause, slot.blocker, free, slot.start - free)
        free = slot.start + slot.occupied
        last = at
    yield from _tail(program, slots, (free, end), last)


def _tail(program: Program, slots: Sequence[Slot], span: tuple[int, int], last: int) -> Iterator[Wait]:
    """After the last matmul: its own drain first, then whatever finishes last."""
    free, end = span
    if last != NOTHING:
        drained = min(end, slots[last].done)
        if drained > free:
            yield Wait(program.kernel_of[last], Engine.COMPUTE, last, free, drained - free)
        free = max(free, drained)
    if end > free:
        final = max(range(len(slots)), key=lambda at: slots[at].done)
        yield Wait(program.kernel_of[final], program.instructions[final].engine, final, free, end - free)

"""Run a Program on four engines in (max, plus) algebra: when every instruction starts, and what it waited for."""

from __future__ import annotations

from typing import NamedTuple

from vitaccel.backends.cost_model.routing import Routing
from vitaccel.backends.cost_model.timing import timing
from vitaccel.ir.program import Engine, Program, Route

NOTHING = -1


class Slot(NamedTuple):
    """One instruction in time.

    Parameters
    ----------
    start, occupied, done
        First cycle; cycles its engine is occupied; cycle at which its result is there.
    cause
        Engine of the instruction it waited for longest, or -1 when it started as soon as its engine was free.
    blocker
        Index in the program of that instruction, or -1.
    rows
        Queue length of an expert's instruction, else -1.
    statistics
        Cycles of attention in which the array waits for statistics of the softmax; -1 for all in which nothing streams.
    digits
        Passes in which attention multiplies kept logits, at least.
    """

    start: int
    occupied: int
    done: int
    cause: int
    blocker: int
    rows: int
    statistics: int = NOTHING
    digits: int = 1


def replay(program: Program, routing: Routing) -> list[Slot]:
    """Time every instruction: ``start = max(engine free, results waited for)``, engines in order.

    Results of one engine complete in order, as its completion count can only grow.
    """
    free = [0] * len(Engine)
    done: list[list[int]] = [[] for _ in Engine]
    index: list[list[int]] = [[] for _ in Engine]
    slots: list[Slot] = []
    for at, (instruction, rows) in enumerate(zip(program.instructions, rows_of(program, routing), strict=True)):
        engine = instruction.engine
        span = timing(instruction, program.arch, None if rows == NOTHING else rows)
        start, cause, blocker = free[engine], NOTHING, NOTHING
        for other, count in enumerate(instruction.waits):
            if count and done[other][count - 1] > start:
                start, cause, blocker = done[other][count - 1], other, index[other][count - 1]
        free[engine] = start + span.occupied
        finished = start + span.occupied + span.latency
        if done[engine]:
            finished = max(finished, done[engine][-1])
        done[engine].append(finished)
        index[engine].append(at)
        slots.append(Slot(start, span.occupied, finished, cause, blocker, rows))
    return slots


def rows_of(program: Program, routing: Routing) -> list[int]:
    """Return the queue length of every expert's instruction, and -1 of the others."""
    queues = _queues(program, routing)
    routed = [0] * len(program.layers)
    rows = []
    for kernel, instruction in zip(program.kernel_of, program.instructions, strict=True):
        if isinstance(instruction, Route):
            routed[kernel] += 1
        # Queues are those of the group that was routed last.
        expert = instruction.expert
        rows.append(NOTHING if expert < 0 else queues[kernel][max(0, routed[kernel] - 1)][expert])
    return rows


def _queues(program: Program, routing: Routing) -> list[tuple[tuple[int, ...], ...]]:
    """Queue lengths by kernel, group and expert slot; slots are ranks when the longest queue comes first."""
    found = []
    for layer in program.layers:
        groups = routing.group_queues(layer)
        if program.arch.moe.order == "longest":
            groups = tuple(tuple(sorted(lengths, reverse=True)) for lengths in groups)
        found.append(groups)
    return found


def elapsed(slots: list[Slot]) -> int:
    """Cycle at which the last result is there."""
    return max((slot.done for slot in slots), default=0)

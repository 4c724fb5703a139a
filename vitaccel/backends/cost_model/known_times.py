"""From the times of an accelerator's instructions to slots: what each waited for, and how long it had its engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vitaccel.arch import Arch
from vitaccel.backends.cost_model.replay import NOTHING, Slot, rows_of
from vitaccel.backends.cost_model.routing import Routing
from vitaccel.ir.plan import PROBABILITY_BITS, ceil_div
from vitaccel.ir.program import Attention, Engine, Instruction, Program, Transfer
from vitaccel_rtl.latency import DONE_TO_START, SLOTS

KEPT_DIGITS = ceil_div(PROBABILITY_BITS, 8)
"""Digits of 8 bits that the accelerator makes of kept logits, each multiplied in a pass of its own."""


@dataclass(frozen=True, kw_only=True)
class KnownTimes:
    """When the instructions of a Program start and complete, in its order, to the cycle.

    Parameters
    ----------
    starts, free, dones
        When each starts, when its engine could start its next one, and when it is completed.
    cycles
        Of the whole run.
    statistics
        Those in which an instruction of attention lets the array wait for statistics of the softmax, by its place.
    """

    starts: Sequence[int]
    free: Sequence[int]
    dones: Sequence[int]
    cycles: int
    statistics: Mapping[int, int] = field(default_factory=dict)


def slots_of(program: Program, times: KnownTimes, routing: Routing) -> list[Slot]:
    """Return the slots of a Program whose times under a routing are known.

    Loads and stores overlap on the bus; each has its engine from when the one before it is done, and no longer than its
    words take. What starts later than its engine is free, and than what it waits for, has waited for its own words: the
    program is read from DRAM, too.
    """
    free, done = [0] * len(Engine), [0] * len(Engine)
    index: list[list[int]] = [[] for _ in Engine]
    slots: list[Slot] = []
    for at, (instruction, rows) in enumerate(zip(program.instructions, rows_of(program, routing), strict=True)):
        engine, start, end = instruction.engine, times.starts[at], times.dones[at]
        cause, blocker = NOTHING, NOTHING
        if start > free[engine]:
            cause, blocker = _cause(instruction, start, index, times.dones)
        free[engine] = times.free[at]
        if isinstance(instruction, Transfer):
            start = max(start, done[engine])
            occupied = min(end - start, transfer_cycles(instruction, program.arch))
        else:
            occupied = times.free[at] - start
        done[engine] = end
        index[engine].append(at)
        digits = KEPT_DIGITS if isinstance(instruction, Attention) and instruction.mode != "none" else 1
        slots.append(Slot(start, occupied, end, cause, blocker, rows, times.statistics.get(at, 0), digits))
    return slots


def _cause(instruction: Instruction, start: int, index: list[list[int]], dones: Sequence[int]) -> tuple[int, int]:
    """Return the engine that an instruction waited for, and the last of that engine's instructions."""
    waited = [(dones[index[other][count - 1]], other, count) for other, count in enumerate(instruction.waits) if count]
    if waited:
        at, other, count = max(waited)
        if at + DONE_TO_START + SLOTS > start:
            return other, index[other][count - 1]
    return Engine.LOAD, NOTHING


def transfer_cycles(transfer: Transfer, arch: Arch) -> int:
    """Cycles of a transfer's words, each of which takes as many as it has beats, and one at least."""
    return ceil_div(transfer.total_bytes, min(arch.array.side, arch.memory.beat_bytes))

"""Cycles of an assembled program on its machine, exactly."""

from __future__ import annotations

from collections.abc import Sequence

from vitaccel.arch import Memory
from vitaccel.backends.rtl.program_file import ProgramFile
from vitaccel.ir.plan import ROUTER_FRACTION_BITS, has_lines
from vitaccel_rtl.accelerator.isa import ATTENTION
from vitaccel_rtl.accelerator.program_timing import MachineTimes, ProgramTimes, program_times
from vitaccel_rtl.accelerator.static_work import statistics_wait
from vitaccel_rtl.dma_timing import PAGE_BYTES
from vitaccel_rtl.latency import SLOTS


def program_cycles(
    program: ProgramFile,
    memory: Memory,
    *,
    latency_cycles: int,
    bytes_per_cycle: float | None = None,
    fetch_words_per_cycle: float = 1.0,
    queues: Sequence[Sequence[int]] = (),
) -> ProgramTimes:
    """Return when every instruction starts and completes, and the cycles of a run.

    Parameters
    ----------
    program
        What :func:`vitaccel.backends.rtl.assemble.assemble` made.
    memory
        That the machine was built for, with all its ports as one.
    latency_cycles
        Of the memory that it runs with, 1 or more.
    bytes_per_cycle
        Of that memory if it is slower than the port; then cycles are an estimate.
    fetch_words_per_cycle
        Of the program that it gives on the average, if it does not keep up with the port of the program either.
    queues
        Entries of the queue of each expert, of one route of the program after the other: those that were chosen
        (:func:`vitaccel.backends.rtl.chosen_queues.chosen_queues`) or are assumed
        (:meth:`vitaccel.backends.cost_model.routing.Routing.route_queues`).

    Raises
    ------
    ValueError
        If an instruction is of an expert of which there is no queue.
    """
    beat_bytes = memory.beat_bytes
    machine = MachineTimes(
        side=program.machine["side"],
        beat_bytes=beat_bytes,
        burst_beats=min(memory.burst_beats, PAGE_BYTES * 8 // memory.bus_bits),
        outstanding=memory.outstanding,
        latency_cycles=latency_cycles,
        bytes_per_cycle=bytes_per_cycle,
        fetch_words_per_cycle=fetch_words_per_cycle,
        router_has_lines=has_lines(ROUTER_FRACTION_BITS),
    )
    return program_times(((each.operation, each.fields) for each in program.instructions), machine, queues)


def statistics_cycles(program: ProgramFile) -> dict[int, int]:
    """Return how long each instruction of attention lets the array wait for statistics of the softmax, by its place."""
    return {
        at: SLOTS * statistics_wait(each.fields, program.machine["side"])
        for at, each in enumerate(program.instructions)
        if each.operation == ATTENTION.name
    }

"""When every instruction of a program starts and completes, to the cycle, under a memory of fixed latency. Pure Python.

Instructions are issued as :mod:`vitaccel_rtl.accelerator.issue_timing` says, and engines take for them what
:mod:`vitaccel_rtl.accelerator.engine_timing` says: what their fields tell, what their bytes take on the way, and what
the entries of the queue take of which an instruction of an expert has its rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vitaccel_rtl.accelerator.engine_timing import ComputeTimes, EngineTimes, TransferTimes, VectorTimes
from vitaccel_rtl.accelerator.isa import ENGINES, OPERATIONS, ROUTE
from vitaccel_rtl.accelerator.issue_timing import Issue, Replayed
from vitaccel_rtl.accelerator.static_work import Fields
from vitaccel_rtl.accelerator.transfer_timing import LoadTimes, StoreTimes

Queues = Sequence[Sequence[int]]
"""Entries of the queue of each expert, of one route of a program after the other."""


@dataclass(frozen=True, kw_only=True)
class MachineTimes:
    """What the cycles of a program depend on beside the program and the queues of its experts.

    Parameters
    ----------
    side
        P.
    beat_bytes, burst_beats, outstanding
        Of the data port: bytes of a beat, beats of the longest burst, bursts under way.
    latency_cycles
        Of the memory, behind the data port and the program's, 1 or more.
    bytes_per_cycle
        Of a memory that is slower than the data port, else ``None``. Cycles with such a one are an estimate: transfers
        in either direction complete no earlier than all bytes up to theirs can have come at that rate.
    fetch_words_per_cycle
        Of the program that this memory gives on the average, 1 at most.
    router_has_lines
        How the router makes powers of two, see :func:`vitaccel_rtl.latency.softmax_statistics`.
    """

    side: int
    beat_bytes: int
    burst_beats: int
    outstanding: int
    latency_cycles: int
    bytes_per_cycle: float | None = None
    fetch_words_per_cycle: float = 1.0
    router_has_lines: bool = False


def engines_of(machine: MachineTimes) -> dict[str, EngineTimes]:
    """Return the engines of a machine, by name, at the beginning of a run."""
    dma = {
        "beat_bytes": machine.beat_bytes,
        "align_bytes": 1,
        "burst_beats": machine.burst_beats,
        "outstanding": machine.outstanding,
        "latency_cycles": machine.latency_cycles,
    }
    places = max(3, machine.burst_beats * machine.outstanding)
    return {
        "load": TransferTimes(
            engine=LoadTimes(side=machine.side, dma={**dma, "buffer_beats": places}),
            bytes_per_cycle=machine.bytes_per_cycle,
        ),
        "compute": ComputeTimes(side=machine.side),
        "vector": VectorTimes(side=machine.side, router_has_lines=machine.router_has_lines),
        "store": TransferTimes(engine=StoreTimes(side=machine.side, dma=dma), bytes_per_cycle=machine.bytes_per_cycle),
    }


@dataclass(frozen=True, kw_only=True)
class ProgramTimes(Replayed):
    """Cycles of a run, and where the engine of every instruction could start its next one."""

    free: tuple[int, ...]


@dataclass(kw_only=True)
class QueueLengths:
    """Entries of the queues as a run comes to them: each route makes new ones.

    Parameters
    ----------
    queues
        Of all routes.
    """

    queues: Queues
    _routed: int = 0

    def entries(self, operation: str, fields: Fields) -> int | None:
        """Return the entries of the queue of the next instruction; ``None`` if its rows are no expert's.

        Raises
        ------
        ValueError
            If there are no queues of its route, or none of its expert.
        """
        if operation == ROUTE.name:
            self._routed += 1
        expert = fields.get("expert", 0)
        if not fields.get("has_expert", 0):
            return None
        if not self._routed:
            raise ValueError(f"{operation} of an expert must come behind a route, not before any")
        if self._routed > len(self.queues):
            raise ValueError(f"queues must be those of {self._routed} routes or more, not of {len(self.queues)}")
        lengths = self.queues[self._routed - 1]
        if expert >= len(lengths):
            raise ValueError(f"queues of a route must be those of {expert + 1} experts or more, not of {len(lengths)}")
        return lengths[expert]


def program_times(program: Iterable[tuple[str, Fields]], machine: MachineTimes, queues: Queues = ()) -> ProgramTimes:
    """Return when the instructions of a program start and complete.

    Parameters
    ----------
    program
        Operation and fields of each.
    machine
        What runs it.
    queues
        Entries of the experts' queues, route by route.

    Raises
    ------
    ValueError
        If an instruction is of an expert of which there is no queue, or waits for one that comes later.
    """
    issue = Issue(memory_latency=machine.latency_cycles, words_per_cycle=machine.fetch_words_per_cycle)
    engines, lengths = engines_of(machine), QueueLengths(queues=queues)
    starts, dones, free = [], [], []
    last: dict[str, int] = {}
    for at, (operation, fields) in enumerate(program):
        name = OPERATIONS[operation].engine
        ready = engines[name].ready(operation)
        if name in last:
            free[last[name]] = ready
        start = issue.start(name, [fields.get(f"wait_{other}", 0) for other in ENGINES], ready)
        done = engines[name].complete(operation, fields, start, lengths.entries(operation, fields))
        issue.done(name, done)
        starts.append(start)
        dones.append(done)
        free.append(engines[name].ready(operation))
        last[name] = at
    return ProgramTimes(starts=tuple(starts), dones=tuple(dones), free=tuple(free), cycles=issue.end())

"""When every instruction of a program starts and completes, to the cycle, under a memory of fixed latency. Pure Python.

Instructions are issued as :mod:`vitaccel_rtl.accelerator.issue_timing` says, moved by
:mod:`vitaccel_rtl.accelerator.transfer_timing`, and take in the compute and the vector engine what their fields say:
these have all their times in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil
from typing import NamedTuple, Protocol

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.isa import ENGINES, LANE_FUNCTIONS, OPERATIONS
from vitaccel_rtl.accelerator.issue_timing import Issue, Replayed
from vitaccel_rtl.accelerator.pace import KEPT_AHEAD, lead
from vitaccel_rtl.accelerator.transfer_timing import LoadTimes, StoreTimes, Transfer
from vitaccel_rtl.accelerator.vector_pace import LAYERNORM, VectorPace

DONE_BEFORE = latency.SLOTS // 2
"""Cycles from the `done` of an engine whose times are static to the frame in which the result is there."""

TRANSFER_FIELDS = ("dram", "buffer", "address", "rows", "row_bytes", "stride_bytes", "step")

Fields = Mapping[str, int]
"""Those of an instruction that are not 0, by name."""


@dataclass(frozen=True, kw_only=True)
class MachineTimes:
    """What the cycles of a program depend on beside the program.

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
    """

    side: int
    beat_bytes: int
    burst_beats: int
    outstanding: int
    latency_cycles: int
    bytes_per_cycle: float | None = None


class Work(NamedTuple):
    """Frames that an instruction takes in an engine whose times are static.

    Parameters
    ----------
    occupied
        From its acceptance to where the next may be accepted.
    result
        From its acceptance to where its result is there.
    """

    occupied: int
    result: int


def matmul_work(fields: Fields, side: int) -> Work:
    """Return the frames of a matmul: the tiles of a column an ``interval`` apart, the first ``first_interval``."""
    rows, columns = fields["row_blocks"], fields["n_tiles"]
    first, interval = fields["first_interval"], fields["interval"]
    occupied = lead(fields["depth"], side) + columns * (first + (rows - 1) * interval)
    last = occupied - (interval if rows > 1 else first)
    return Work(occupied, last + fields["result"])


def attention_work(fields: Fields, side: int) -> Work:
    """Return the frames of attention: see :class:`vitaccel_rtl.accelerator.attention_nest.AttentionNest`."""
    if fields.get("mode", 0):
        return _transposed_work(fields, side)
    blocks = fields["frames"] * fields["heads"] * fields["row_blocks"]
    last = lead(fields["head_dim"], side) + last_values(
        blocks,
        fields["key_blocks"] * fields["logits_interval"],
        (fields["key_blocks"] - 1) * fields["logits_interval"] + fields["statistics"],
        fields["value_tiles"] * fields["values_interval"],
        1 if fields.get("one_in_flight", 0) else 2,
    )
    values = fields["values_interval"]
    return Work(last + fields["value_tiles"] * values, last + (fields["value_tiles"] - 1) * values + fields["result"])


def _transposed_work(fields: Fields, side: int) -> Work:
    """With kept logits, of two digits: see :class:`vitaccel_rtl.accelerator.transposed_nest.TransposedNest`."""
    tiles = fields["frames"] * fields["heads"] * fields["row_blocks"] * fields["value_tiles"]
    low = fields["values_interval"]
    end = lead(fields["keys"], side) + tiles * (fields["logits_interval"] + low)
    return Work(end + KEPT_AHEAD, end - low + fields["result"])


@lru_cache(maxsize=1 << 12)
def last_values(blocks: int, logits: int, statistics: int, values: int, in_flight: int) -> int:
    """Return when the values of the last row-block begin, from the first logits on.

    Parameters
    ----------
    blocks
        Row-blocks of all heads and frames.
    logits, values
        Of a row-block: how long its tiles take the array.
    statistics
        From the first of its logits to where its values may begin.
    in_flight
        Row-blocks whose logits may be there at a time, 1 or 2: L(0), L(1), V(0), L(2), V(1), ....
    """
    free, last = 0, 0
    ready: list[int] = []
    for block in range(blocks):
        while len(ready) < min(blocks, block + in_flight):
            ready.append(free + statistics)
            free += logits
        last = max(free, ready[block])
        free = last + values
    return last


def lane_work(fields: Fields, side: int) -> Work:
    """Return the frames of a stream through the lanes: see :class:`vitaccel_rtl.accelerator.row_times.RowTimes`."""
    is_layernorm = fields.get("function", 0) == LANE_FUNCTIONS.index(LAYERNORM)
    drain = latency.vector_rows_drain(side) if fields.get("by_rows", 0) else 0
    interval, scale = fields["interval"], fields.get("scale", 0)
    return _lane_work(fields["row_blocks"], interval, scale if is_layernorm else 0, fields["result"], drain)


@lru_cache(maxsize=1 << 12)
def _lane_work(row_blocks: int, interval: int, scale: int, result: int, drain: int) -> Work:
    last = VectorPace(interval=interval, scale=scale, result=result, drain=drain).starts(row_blocks)[-1]
    return Work(last + interval + drain, last + result)


WORK: dict[str, Callable[[Fields, int], Work]] = {
    "matmul": matmul_work,
    "attention": attention_work,
    "lane": lane_work,
}
"""Of operations of the compute and the vector engine."""


class EngineTimes(Protocol):
    """When an engine can accept an instruction, and what becomes of it."""

    @property
    def ready(self) -> int:
        """The cycle from which on the next instruction may be accepted."""

    def complete(self, operation: str, fields: Fields, accepted: int) -> int:
        """Return when an instruction is completed that is accepted in such a cycle, of phase 0."""


@dataclass(kw_only=True)
class StaticTimes:
    """The compute or the vector engine: what an instruction takes, it says; completions are a frame apart or more."""

    side: int
    ready: int = field(default=0, init=False)
    _done: int = field(default=-latency.SLOTS, init=False)

    def complete(self, operation: str, fields: Fields, accepted: int) -> int:
        """Return when an instruction is completed that is accepted in such a cycle."""
        takes = WORK[operation](fields, self.side)
        self.ready = accepted + latency.SLOTS * takes.occupied
        self._done = max(accepted + latency.SLOTS * takes.result - DONE_BEFORE, self._done + latency.SLOTS)
        return self._done


@dataclass(kw_only=True)
class TransferTimes:
    """The load or the store engine."""

    engine: LoadTimes | StoreTimes
    bytes_per_cycle: float | None = None
    _moved: float = field(default=0.0, init=False)

    @property
    def ready(self) -> int:
        """The cycle from which on the next instruction may be accepted."""
        return self.engine.ready

    def complete(self, operation: str, fields: Fields, accepted: int) -> int:
        """Return when an instruction is completed that is accepted in such a cycle."""
        transfer = Transfer(**{name: fields.get(name, 0) for name in TRANSFER_FIELDS})
        done = self.engine.times_of(transfer, accepted).done
        if self.bytes_per_cycle is None:
            return done
        self._moved = max(self._moved, accepted) + transfer.rows * transfer.row_bytes / self.bytes_per_cycle
        return max(done, ceil(self._moved))


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
        "compute": StaticTimes(side=machine.side),
        "vector": StaticTimes(side=machine.side),
        "store": TransferTimes(engine=StoreTimes(side=machine.side, dma=dma), bytes_per_cycle=machine.bytes_per_cycle),
    }


@dataclass(frozen=True, kw_only=True)
class ProgramTimes(Replayed):
    """Cycles of a run, and where the engine of every instruction could start its next one."""

    free: tuple[int, ...]


def program_times(program: Iterable[tuple[str, Fields]], machine: MachineTimes) -> ProgramTimes:
    """Return when the instructions of a program start and complete.

    Parameters
    ----------
    program
        Operation and fields of each.
    machine
        What runs it.
    """
    issue = Issue(memory_latency=machine.latency_cycles)
    engines = engines_of(machine)
    starts, dones, free = [], [], []
    for operation, fields in program:
        name = OPERATIONS[operation].engine
        engine = engines[name]
        start = issue.start(name, [fields.get(f"wait_{other}", 0) for other in ENGINES], engine.ready)
        done = engine.complete(operation, fields, start)
        issue.done(name, done)
        starts.append(start)
        dones.append(done)
        free.append(engine.ready)
    return ProgramTimes(starts=tuple(starts), dones=tuple(dones), free=tuple(free), cycles=issue.end())

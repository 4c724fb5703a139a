"""When each engine can accept an instruction, and when it completes it: to the cycle. Pure Python.

What an expert's instruction takes depends on the entries of its queue, which are known when the router has chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import Protocol

from vitaccel_rtl.accelerator.expert_times import SKIPPED, gather_cycles, route_cycles, scatter_cycles
from vitaccel_rtl.accelerator.isa import GATHER, LANE, MOST_EXPERTS, ROUTE
from vitaccel_rtl.accelerator.static_work import WORK, Fields, lane_work
from vitaccel_rtl.accelerator.transfer import Transfer
from vitaccel_rtl.accelerator.transfer_timing import LoadTimes, StoreTimes
from vitaccel_rtl.latency import SLOTS

DONE_BEFORE = SLOTS // 2
"""Cycles from the `done` of an engine whose times are static to the frame in which the result is there."""

TRANSFER_FIELDS = ("dram", "buffer", "address", "rows", "row_bytes", "stride_bytes", "step")


class EngineTimes(Protocol):
    """When an engine can accept an instruction, and what becomes of it."""

    def ready(self, operation: str) -> int:
        """Return the cycle from which on the next instruction may be accepted, if it is of this operation."""

    def complete(self, operation: str, fields: Fields, accepted: int, entries: int | None = None) -> int:
        """Return when an instruction is completed.

        Parameters
        ----------
        operation, fields
            The instruction.
        accepted
            The cycle, of phase 0, in which it is accepted.
        entries
            Of its queue, where its rows are an expert's.
        """


@dataclass(kw_only=True)
class ComputeTimes:
    """The compute engine: what an instruction takes, it says; completions are a frame apart or more.

    A matmul of an expert takes as many row-blocks as its queue has. With none it waits until all before it are done.

    Parameters
    ----------
    side
        P.
    """

    side: int
    _free: int = field(default=0, init=False)
    _done: int = field(default=-SLOTS, init=False)

    def ready(self, operation: str) -> int:
        """Return the cycle from which on the next instruction may be accepted."""
        return self._free

    def complete(self, operation: str, fields: Fields, accepted: int, entries: int | None = None) -> int:
        """Return when an instruction is completed that is accepted in such a cycle."""
        if entries == 0:
            begins = max(accepted + SLOTS, self._done + DONE_BEFORE)
            self._free = begins + SLOTS
            self._done = begins + SLOTS * SKIPPED - DONE_BEFORE
            return self._done
        if entries is not None:
            fields = {**fields, "row_blocks": -(-entries // self.side)}
        takes = WORK[operation](fields, self.side)
        self._free = accepted + SLOTS * takes.occupied
        self._done = max(accepted + SLOTS * takes.result - DONE_BEFORE, self._done + SLOTS)
        return self._done


@dataclass(kw_only=True)
class VectorTimes:
    """The vector engine: lanes, whose times are static, and the experts' instructions, one at a time.

    An expert's instruction begins when the lanes rest, and ends before another begins.

    Parameters
    ----------
    side
        P.
    router_has_lines
        How the router makes powers of two, see :func:`vitaccel_rtl.latency.softmax_statistics`.
    """

    side: int
    router_has_lines: bool = False
    _free: int = field(default=0, init=False)
    _rests: int = field(default=0, init=False)
    _done: int = field(default=-SLOTS, init=False)

    def ready(self, operation: str) -> int:
        """Return the cycle from which on the next instruction may be accepted, if it is of this operation."""
        return self._free if operation == LANE.name else max(self._free, self._rests)

    def complete(self, operation: str, fields: Fields, accepted: int, entries: int | None = None) -> int:
        """Return when an instruction is completed that is accepted in such a cycle."""
        if operation == LANE.name:
            takes = lane_work(fields, self.side)
            self._free = accepted + SLOTS * takes.occupied
            self._done = max(accepted + SLOTS * takes.result - DONE_BEFORE, self._done + SLOTS)
            self._rests = self._done + DONE_BEFORE
            return self._done
        self._done = accepted + self._expert_cycles(operation, fields, entries or 0)
        self._free = self._rests = self._done + 1
        return self._done

    def _expert_cycles(self, operation: str, fields: Fields, entries: int) -> int:
        if operation == ROUTE.name:
            return route_cycles(
                side=self.side,
                tokens=fields["tokens"],
                frame_tokens=fields["frame_tokens"],
                experts=fields["experts"],
                most_experts=MOST_EXPERTS,
                k=fields["choices"],
                over_chosen=bool(fields.get("over_chosen", 0)),
                has_lines=self.router_has_lines,
                interval=fields["interval"],
            )
        if operation == GATHER.name:
            return gather_cycles(entries, side=self.side, tiles=fields["tiles"])
        return scatter_cycles(entries, channels=fields["channels"], interval=fields["interval"])


@dataclass(kw_only=True)
class TransferTimes:
    """The load or the store engine.

    Parameters
    ----------
    engine
        Its times with a memory that keeps up with the port.
    bytes_per_cycle
        See :class:`vitaccel_rtl.accelerator.program_timing.MachineTimes`.
    """

    engine: LoadTimes | StoreTimes
    bytes_per_cycle: float | None = None
    _moved: float = field(default=0.0, init=False)

    def ready(self, operation: str) -> int:
        """Return the cycle from which on the next instruction may be accepted."""
        return self.engine.ready

    def complete(self, operation: str, fields: Fields, accepted: int, entries: int | None = None) -> int:
        """Return when an instruction is completed that is accepted in such a cycle."""
        transfer = Transfer(**{name: fields.get(name, 0) for name in TRANSFER_FIELDS})
        done = self.engine.times_of(transfer, accepted).done
        if self.bytes_per_cycle is None:
            return done
        self._moved = max(self._moved, accepted) + transfer.rows * transfer.row_bytes / self.bytes_per_cycle
        return max(done, ceil(self._moved))

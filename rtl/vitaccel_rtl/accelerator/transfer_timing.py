"""When the load and the store engine accept and complete instructions, to the cycle, under a memory of fixed latency.

The memory is that of :mod:`vitaccel_rtl.dma_timing`, which says when beats move. Beyond it lie the buffers, which keep
the DMA waiting: the time slots of the activation buffer, the sets and entries that words are made into. All times are
maxima of sums of earlier ones, word by word; what is the same job in the same state is computed once. Pure Python.

A word takes a cycle even where a beat has several: with words narrower than the bus, P bytes a cycle is the rate of
loads and stores, whatever the bus could do. Cycle 0 has phase 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_turns import ReadTurns, SetTurns, WriteTurns
from vitaccel_rtl.accelerator.stalled_dma import StalledReader, StalledWriter
from vitaccel_rtl.accelerator.timed import State, Timed
from vitaccel_rtl.accelerator.unstalled_reader import read_unstalled, takes_at_once
from vitaccel_rtl.accelerator.unstalled_writer import write_unstalled
from vitaccel_rtl.dma_timing import PAGE_BYTES, Job

ACTIVATION, WEIGHT, PARAMETER, TABLE = range(4)
"""Numbers of ``buffer``."""

LOAD_CLIENT, STORE_CLIENT = 4, 6
"""Of the activation buffer."""

ROW_RUNS = 1
"""Of :class:`vitaccel_rtl.accelerator.row_runs.RowRuns`, from accepting a job to offering its first run."""

REMEMBERED = 1 << 13
"""Jobs in states that are kept at most."""


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """An instruction by its fields: those of ``isa.LOAD`` and ``isa.STORE`` that its cycles depend on."""

    dram: int
    buffer: int = ACTIVATION
    address: int = 0
    rows: int = 1
    row_bytes: int
    stride_bytes: int = 0
    step: int = 0

    @property
    def job(self) -> Job:
        """What the DMA makes of it."""
        return Job(address=self.dram, rows=self.rows, row_bytes=self.row_bytes, stride_bytes=self.stride_bytes)

    @property
    def alike(self) -> tuple[int, ...]:
        """What is the same for all that take the same cycles: of its places, only those in pages and banks matter."""
        address, step = self.address % latency.SLOTS, self.step % latency.SLOTS
        return (self.dram % PAGE_BYTES, self.buffer, address, self.rows, self.row_bytes, self.stride_bytes, step)

    def is_consecutive(self, side: int) -> bool:
        """Whether every word is for the bank behind that of the word before."""
        return self.rows == 1 or (self.step + self.row_bytes // -side) % latency.SLOTS == 0

    def last_address(self, side: int) -> int:
        """The place on chip of the last word."""
        return self.address + (self.rows - 1) * self.step - self.row_bytes // -side - 1

    def addresses(self, side: int) -> Iterator[tuple[int, bool]]:
        """Return the place on chip of every word, and whether it is the first of its row."""
        row_words = -(-self.row_bytes // side)
        for row in range(self.rows):
            for word in range(row_words):
                yield self.address + row * self.step + word, word == 0


class Times(NamedTuple):
    """Cycles in which an instruction was accepted, and in which its ``done`` was told."""

    accepted: int
    done: int


class _Kept(NamedTuple):
    """A state since the acceptance of an instruction.

    Parameters
    ----------
    state, number
        It, and what tells it from others.
    over
        Cycles from which on all in it is over.
    done
        When the instruction is completed.
    """

    state: State
    number: int
    over: int
    done: int


def _latest(state: State) -> int:
    """Return the latest time of a state."""
    return max((_latest(each) if isinstance(each, tuple) else each for each in state), default=0)


@dataclass(kw_only=True)
class _Engine(Timed):
    """Accepts instructions at the beginnings of frames, while less than *jobs* are under way.

    Parameters
    ----------
    side
        P.
    jobs
        Of the engine.
    dma
        The parameters of its :mod:`vitaccel_rtl.dma_timing` engine but ``word_bytes``.
    remembers
        Whether a job in a state in which it was before is not computed again.
    by_bursts
        Whether a job is computed burst by burst, and not word by word, where no word waits for another.
    """

    side: int
    jobs: int = 8
    dma: dict[str, int]
    remembers: bool = True
    by_bursts: bool = True
    _done: int = field(default=0, init=False)
    _accepted: int = field(default=-latency.SLOTS, init=False)
    _under_way: list[int] = field(default_factory=list, init=False)
    _states: dict[State, _Kept] = field(default_factory=dict, init=False)
    _number: int = field(default=0, init=False)
    _now: _Kept | None = field(default=None, init=False)
    _known: dict[tuple[int, int, tuple[int, ...]], _Kept] = field(default_factory=dict, init=False)

    times = ("_done",)

    @property
    def ready(self) -> int:
        """The cycle from which on the next instruction may be accepted, in the first one of phase 0."""
        free = self._under_way[-self.jobs] + 1 if len(self._under_way) >= self.jobs else 0
        return max(free, self._accepted + latency.SLOTS)

    def times_of(self, transfer: Transfer, offered: int) -> Times:
        """Return the times of the next instruction, which is offered from such a cycle on."""
        earliest = max(offered, self.ready)
        accepted = -(-earliest // latency.SLOTS) * latency.SLOTS
        before = self._now or self._kept(self.since(self._accepted))
        key = (before.number, min(accepted - self._accepted, before.over), transfer.alike)
        after = self._known.get(key) if self.remembers else None
        if after is None:
            after = self._after(transfer, accepted, before)
            self._known[key] = after
        self._now, self._accepted = after, accepted
        done = accepted + after.done
        self._under_way = [*self._under_way[1 - self.jobs :], done]
        return Times(accepted, done)

    def _after(self, transfer: Transfer, accepted: int, before: _Kept) -> _Kept:
        """Return the state behind an instruction."""
        if len(self._known) >= REMEMBERED:
            self._known.clear()
            self._states.clear()
        self.resume(before.state, self._accepted)
        found = self._kept(self.since(accepted))
        key = (found.number, 0, transfer.alike)
        after = self._known.get(key) if self.remembers else None
        if after is None:
            self.resume(found.state, accepted)
            self._run(transfer, accepted)
            after = self._known[key] = self._kept(self.since(accepted))
        return after

    def _kept(self, state: State) -> _Kept:
        """Return a state, the same one for all that are equal."""
        kept = self._states.get(state)
        if kept is None:
            self._number += 1
            kept = self._states[state] = _Kept(state, self._number, _latest(state) + latency.SLOTS, state[0])
        return kept

    def _run(self, transfer: Transfer, accepted: int) -> None:
        """Do what follows from an instruction; ``_done`` is its completion after that."""
        raise NotImplementedError


@dataclass(kw_only=True)
class LoadTimes(_Engine):
    """The instructions of a :class:`vitaccel_rtl.accelerator.load_engine.LoadEngine`, one after the other."""

    parts = ("_reader", "_banks", "_sets")

    def __post_init__(self) -> None:
        self._reader = StalledReader(word_bytes=self.side, **self.dma)
        self._banks = WriteTurns(client=LOAD_CLIENT)
        self._sets = SetTurns(side=self.side)

    def _run(self, transfer: Transfer, accepted: int) -> None:
        offered = accepted + latency.STREAM_FIFO
        if self.by_bursts and self._flows(transfer, offered):
            return
        self._reader.begin(transfer.job, offered)
        if transfer.buffer in (PARAMETER, TABLE):
            self._sets.begin(transfer.row_bytes, is_table=transfer.buffer == TABLE)
        take = self._sink(transfer.buffer)
        taken = accepted
        for address, _ in transfer.addresses(self.side):
            taken = take(address, self._reader.offer())
            self._reader.take(taken)
        self._done = max(self._finish(transfer.buffer, taken), self._done) + 1

    def _flows(self, transfer: Transfer, offered: int) -> bool:
        """Do what follows from a job of which no word waits for what is behind the DMA; return whether it is one."""
        to_banks = transfer.buffer == ACTIVATION
        if transfer.buffer not in (ACTIVATION, WEIGHT) or (to_banks and not transfer.is_consecutive(self.side)):
            return False
        if not takes_at_once(self._reader, offered):
            return False
        before = self._reader.since(offered - latency.STREAM_FIFO)
        first, last = read_unstalled(self._reader, transfer.job, offered)
        if to_banks and not self._banks.take_all(transfer.address, transfer.last_address(self.side), first, last):
            self._reader.resume(before, offered - latency.STREAM_FIFO)
            return False
        self._done = max(self._finish(transfer.buffer, last[-1]), self._done) + 1
        return True

    def _finish(self, buffer: int, taken: int) -> int:
        """Return when a job is finished whose last word was taken in such a cycle."""
        if buffer == WEIGHT:
            return taken
        return self._banks.end() if buffer == ACTIVATION else self._sets.end()

    def _sink(self, buffer: int) -> Callable[[int, int], int]:
        """Return what says when a word is taken, of its address and the cycle from which on it is offered."""
        if buffer == ACTIVATION:
            return self._banks.word
        if buffer == WEIGHT:
            return lambda _, offered: offered
        return lambda _, offered: self._sets.word(offered)


@dataclass(kw_only=True)
class StoreTimes(_Engine):
    """The instructions of a :class:`vitaccel_rtl.accelerator.store_engine.StoreEngine`, one after the other."""

    parts = ("_writer", "_runs")

    def __post_init__(self) -> None:
        self._writer = StalledWriter(word_bytes=self.side, **self.dma)
        self._runs = ReadTurns(client=STORE_CLIENT)

    def _run(self, transfer: Transfer, accepted: int) -> None:
        if self.by_bursts and transfer.is_consecutive(self.side):
            offered = accepted + latency.STREAM_FIFO
            words = -(transfer.row_bytes // -self.side)
            place = (transfer.address % latency.SLOTS, words, words * transfer.rows)
            if write_unstalled(self._writer, self._runs, transfer.job, offered, place, offered + ROW_RUNS):
                self._done = self._writer.end()
                return
        self._writer.begin(transfer.job, accepted + latency.STREAM_FIFO)
        for address, begins in transfer.addresses(self.side):
            if begins:
                self._runs.begin(accepted + latency.STREAM_FIFO + ROW_RUNS)
            taken = self._writer.word(self._runs.offer(address))
            self._runs.take(taken)
        self._done = self._writer.end()

"""When the load and the store engine accept and complete instructions, to the cycle, under a memory of fixed latency.

The memory is that of :mod:`vitaccel_rtl.dma_timing`, which says when beats move. Beyond it lie the buffers, which keep
the DMA waiting: the time slots of the activation buffer, the sets and entries that words are made into. All times are
maxima of sums of earlier ones, word by word; what is the same job in the same state is computed once. Pure Python.

A word takes a cycle even where a beat has several: with words narrower than the bus, P bytes a cycle is the rate of
loads and stores, whatever the bus could do. Cycle 0 has phase 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_turns import ReadTurns, SetTurns, WriteTurns
from vitaccel_rtl.accelerator.stalled_dma import StalledReader, StalledWriter
from vitaccel_rtl.accelerator.timed import State, Timed
from vitaccel_rtl.dma_timing import PAGE_BYTES, Job

ACTIVATION, WEIGHT, PARAMETER, TABLE = range(4)
"""Numbers of ``buffer``."""

LOAD_CLIENT, STORE_CLIENT = 4, 6
"""Of the activation buffer."""

ROW_RUNS = 1
"""Of :class:`vitaccel_rtl.accelerator.store_engine.RowRuns`, from accepting a job to offering its first run."""

REMEMBERED = 1 << 11
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
    def alike(self) -> Transfer:
        """One that takes the same cycles and is the same for all that do: only places in pages and banks matter."""
        banks = {name: getattr(self, name) % latency.SLOTS for name in ("address", "step")}
        return replace(self, dram=self.dram % PAGE_BYTES, **banks)

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
    """

    side: int
    jobs: int = 8
    dma: dict[str, int]
    remembers: bool = True
    _done: int = field(default=0, init=False)
    _accepted: int = field(default=-latency.SLOTS, init=False)
    _under_way: list[int] = field(default_factory=list, init=False)
    _known: dict[tuple[Transfer, State], State] = field(default_factory=dict, init=False)

    times = ("_done",)

    @property
    def ready(self) -> int:
        """The cycle from which on the next instruction may be accepted, in the first one of phase 0."""
        free = self._under_way[-self.jobs] + 1 if len(self._under_way) >= self.jobs else 0
        return max(free, self._accepted + latency.SLOTS)

    def times_of(self, transfer: Transfer, offered: int) -> Times:
        """Return the times of the next instruction, which is offered from such a cycle on."""
        earliest = max(offered, self.ready)
        self._accepted = accepted = -(-earliest // latency.SLOTS) * latency.SLOTS
        key = (transfer.alike, self.since(accepted))
        after = self._known.get(key) if self.remembers else None
        if after is None:
            self._run(transfer, accepted)
            after = self.since(accepted)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = after
        self.resume(after, accepted)
        self._under_way = [*self._under_way[1 - self.jobs :], self._done]
        return Times(accepted, self._done)

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
        self._reader.begin(transfer.job, accepted + latency.STREAM_FIFO)
        if transfer.buffer in (PARAMETER, TABLE):
            self._sets.begin(transfer.row_bytes, is_table=transfer.buffer == TABLE)
        take = self._sink(transfer.buffer)
        taken = accepted
        for address, _ in transfer.addresses(self.side):
            taken = take(address, self._reader.offer())
            self._reader.take(taken)
        self._done = max(self._finish(transfer.buffer, taken), self._done) + 1

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
        self._writer.begin(transfer.job, accepted + latency.STREAM_FIFO)
        for address, begins in transfer.addresses(self.side):
            if begins:
                self._runs.begin(accepted + latency.STREAM_FIFO + ROW_RUNS)
            taken = self._writer.word(self._runs.offer(address))
            self._runs.take(taken)
        self._done = self._writer.end()

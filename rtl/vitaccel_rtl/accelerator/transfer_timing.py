"""When the load and the store engine accept and complete instructions, to the cycle, under a memory of fixed latency.

The memory is that of :mod:`vitaccel_rtl.dma_timing`, which says when beats move. Beyond it lie the buffers, which keep
the DMA waiting: the time slots of the activation buffer, the sets and entries that words are made into. All times are
maxima of sums of earlier ones: burst by burst where no word waits for another, else word by word; what is the same job
in the same state is computed once. Pure Python.

A word takes a cycle even where a beat has several: with words narrower than the bus, P bytes a cycle is the rate of
loads and stores, whatever the bus could do. Cycle 0 has phase 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.buffer_turns import ReadTurns, SetTurns, WriteTurns
from vitaccel_rtl.accelerator.remembered import RememberingEngine
from vitaccel_rtl.accelerator.stalled_dma import StalledReader, StalledWriter
from vitaccel_rtl.accelerator.transfer import ACTIVATION, PARAMETER, TABLE, WEIGHT, Transfer
from vitaccel_rtl.accelerator.unstalled_reader import read_unstalled, takes_at_once
from vitaccel_rtl.accelerator.unstalled_writer import write_unstalled

LOAD_CLIENT, STORE_CLIENT = 4, 6
"""Of the activation buffer."""

ROW_RUNS = 1
"""Of :class:`vitaccel_rtl.accelerator.row_runs.RowRuns`, from accepting a job to offering its first run."""

TRIALS = 4
"""Parts of a load that are computed word by word, at most, before what is behind them is no longer tried at once."""


@dataclass(kw_only=True)
class LoadTimes(RememberingEngine):
    """The instructions of a :class:`vitaccel_rtl.accelerator.load_engine.LoadEngine`, one after the other."""

    parts = ("_reader", "_banks", "_sets")

    def __post_init__(self) -> None:
        self._reader = StalledReader(word_bytes=self.side, **self.dma)
        self._banks = WriteTurns(client=LOAD_CLIENT)
        self._sets = SetTurns(side=self.side)

    def _run(self, transfer: Transfer, accepted: int) -> None:
        offered = accepted + latency.STREAM_FIFO
        if transfer.buffer in (PARAMETER, TABLE):
            self._sets.begin(transfer.row_bytes, is_table=transfer.buffer == TABLE)
        cuts = {"beat_bytes": self._reader.beat_bytes, "burst_beats": self._reader.burst_beats}
        rest: Transfer | None = transfer
        taken, trials = accepted, TRIALS if self.by_bursts else 0
        while rest:
            flows = self._flow(rest, offered) if trials else None
            if flows is not None:
                taken = flows
                break
            part, rest = rest.parted(self.side, **cuts) if trials else (rest, None)
            taken = self._by_words(part, offered)
            trials -= 1
        self._done = max(self._finish(transfer.buffer, taken), self._done) + 1

    def _by_words(self, transfer: Transfer, offered: int) -> int:
        """Do what follows from a job, and return when its last word is taken."""
        self._reader.begin(transfer.job, offered)
        take = self._sink(transfer.buffer)
        taken = 0
        for address, _ in transfer.addresses(self.side):
            taken = take(address, self._reader.offer())
            self._reader.take(taken)
        return taken

    def _flow(self, transfer: Transfer, offered: int) -> int | None:
        """Do what follows from a job of which no word waits for what is behind the DMA.

        Return when its last word is taken, and ``None`` if it is no such job.
        """
        to_banks, to_sets = transfer.buffer == ACTIVATION, transfer.buffer == PARAMETER
        if transfer.buffer == TABLE or (to_banks and not transfer.is_consecutive(self.side)):
            return None
        if (to_sets and not self._sets.are_single) or not takes_at_once(self._reader, offered):
            return None
        before = self._reader.since(offered - latency.STREAM_FIFO)
        first, last = read_unstalled(self._reader, transfer.job, offered)
        is_taken = True
        if to_banks:
            is_taken = self._banks.take_all(transfer.address, transfer.last_address(self.side), first, last)
        elif to_sets:
            is_taken = self._sets.take_all(-(transfer.row_bytes // -self.side), first, last)
        if is_taken:
            return last[-1]
        self._reader.resume(before, offered - latency.STREAM_FIFO)
        return None

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
class StoreTimes(RememberingEngine):
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

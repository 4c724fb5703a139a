"""When the load and the store engine accept and complete instructions, to the cycle, under a memory of fixed latency.

The memory is that of :mod:`vitaccel_rtl.dma_timing`, which says when beats move. Beyond it lie the buffers: the time
slots of the activation buffer, and the sets and entries that words are made into, keep the DMA waiting. All times are
maxima of sums of earlier ones, word by word. Pure Python. Cycle 0 has phase 0.

A word takes a cycle even where a beat has several: with words narrower than the bus, *P bytes a cycle* is the rate of
loads and stores, whatever the bus could do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.stalled_stages import StalledStages
from vitaccel_rtl.dma_timing import Job, ReadEngine, WriteEngine, word_beats

SET_BYTES = 8
ACTIVATION, WEIGHT, PARAMETER, TABLE = range(4)
"""Numbers of ``buffer``."""

LOAD_CLIENT, STORE_CLIENT = 4, 6
"""Of the activation buffer."""

ROW_RUNS = 1
"""Of :class:`vitaccel_rtl.accelerator.store_engine.RowRuns`, from accepting a job to offering its first run."""


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

    def addresses(self, side: int) -> Iterator[tuple[int, bool]]:
        """Return the place on chip of every word, and whether it is the last of its row."""
        row_words = -(-self.row_bytes // side)
        for row in range(self.rows):
            for word in range(row_words):
                yield self.address + row * self.step + word, word == row_words - 1


class Times(NamedTuple):
    """Cycles in which an instruction was accepted, and in which its ``done`` was told."""

    accepted: int
    done: int


@dataclass(kw_only=True)
class _Gate:
    """Instructions are accepted at the beginning of a frame, while less than *jobs* are under way."""

    jobs: int
    _accepted: int = field(default=-latency.SLOTS, init=False)
    _done: list[int] = field(default_factory=list, init=False)

    def accept(self, offered: int) -> int:
        """Return when an instruction is accepted that is offered from such a cycle on."""
        free = self._done[-self.jobs] + 1 if len(self._done) >= self.jobs else 0
        earliest = max(offered, free, self._accepted + latency.SLOTS)
        self._accepted = -(-earliest // latency.SLOTS) * latency.SLOTS
        return self._accepted

    def complete(self, done: int) -> Times:
        """Note when the instruction was completed."""
        self._done.append(done)
        return Times(self._accepted, done)


@dataclass(kw_only=True)
class _Packer:
    """Words become beats as in :class:`vitaccel_rtl.words_to_beats.WordsToBeats`."""

    stages: StalledStages
    _entered: int = field(default=-1, init=False)
    _window: int = field(default=-1, init=False)
    _left: int = field(default=-1, init=False)
    _sent: list[int] = field(default_factory=lambda: [-1, -1], init=False)

    def word(self, offered: int) -> tuple[int, int]:
        """Return when a word is taken that is offered from such a cycle on, and when it joins those before it."""
        self._entered = self.stages.enters(max(offered, self._entered + 1))
        arrives = self.stages.arrives(self._entered)
        joins = max(arrives, self._window)
        self.stages.hold(arrives, joins)
        self._window = joins + 1
        return self._entered, joins

    def beat(self, joined: int) -> int:
        """Return when the next beat is offered, of a word that joined in such a cycle."""
        self._left = max(joined + 1, self._left + 1, self._sent[-2] + 1)
        self._window = self._left
        return max(self._left + latency.SKID_BUFFER, self._sent[-1] + 1)

    def send(self, cycle: int) -> int:
        """Note when that beat was taken."""
        self._sent = [self._sent[-1], cycle]
        return cycle


def _packer(**sizes: int) -> _Packer:
    return _Packer(stages=StalledStages(stages=latency.words_to_beats(**sizes) - 1 - latency.SKID_BUFFER))


@dataclass(kw_only=True)
class _Sets:
    """Words become sets or entries of tables as in :class:`vitaccel_rtl.accelerator.set_loader.SetLoader`."""

    side: int
    _begins: int = field(default=0, init=False)
    _next: int = field(default=0, init=False)
    finished: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._packer = _packer(beat_bytes=SET_BYTES, word_bytes=self.side, align_bytes=self.side)
        self._every = 1
        self._complete: Iterator[tuple[int, int]] = iter(())

    def begin(self, transfer: Transfer) -> None:
        """Begin a job."""
        job = Job(address=0, row_bytes=transfer.row_bytes, stride_bytes=transfer.row_bytes)
        self._complete = word_beats(job, beat_bytes=SET_BYTES, word_bytes=self.side)
        self._every = 2048 // transfer.row_bytes if transfer.buffer == TABLE else 1
        self._next = self._begins

    def word(self, offered: int) -> int:
        """Return when the next word is taken."""
        _, beats = next(self._complete)
        taken, joined = self._packer.word(offered)
        for _ in range(beats):
            sent = self._packer.send(max(self._packer.beat(joined), self._next))
            self._next = sent + self._every
        return taken

    def end(self, is_table: bool) -> int:
        """Return when the job is finished, of which all words were taken."""
        finishes = self._next if is_table else self._next - 1
        self._begins = finishes + 2
        return finishes


@dataclass(kw_only=True)
class _Reader(ReadEngine):
    """The read engine where words are not taken as soon as they are offered."""

    _words: Iterator[int] = field(default=iter(()), init=False)
    _taken: list[int] = field(default_factory=lambda: [-1, -1], init=False)

    def __post_init__(self) -> None:
        stages = latency.beats_to_words(**self._sizes) - latency.SKID_BUFFER
        self._stages = StalledStages(stages=stages)

    def begin(self, job: Job, at: int) -> None:
        """Begin a job whose descriptor is offered in cycle *at*."""
        self._words = self._arrive(job, at)

    def offer(self) -> int:
        """Return when the next word of the job is offered."""
        return max(next(self._words) + latency.SKID_BUFFER, self._taken[-1] + 1)

    def take(self, cycle: int) -> None:
        """Note when that word was taken."""
        self._taken = [self._taken[-1], cycle]

    def _arrive(self, job: Job, at: int) -> Iterator[int]:
        """Return when each word leaves the stages for the two places behind them."""
        beats = self._beats(job, at)
        plan = at + latency.STREAM_FIFO + latency.WORD_PLAN
        for needed, _ in word_beats(job, beat_bytes=self.beat_bytes, word_bytes=self.word_bytes):
            for _ in range(needed):
                self._moved = self._stages.enters(max(plan, self._moved + 1, next(beats)))
                self._fetched.append(self._moved)
            if not needed:
                self._moved = self._stages.enters(self._moved + 1)
            arrives = self._stages.arrives(self._moved)
            leaves = max(arrives, self._taken[-2] + 1)
            self._stages.hold(arrives, leaves)
            yield leaves


@dataclass(kw_only=True)
class _Banks:
    """Words wait in :class:`vitaccel_rtl.accelerator.waiting_line.WaitingLine` until their client meets their banks."""

    client: int
    _free: list[int] = field(default_factory=lambda: [0] * latency.SLOTS, init=False)

    def word(self, address: int, offered: int) -> int:
        """Return when a word is taken."""
        bank = address % latency.SLOTS
        taken = max(offered, self._free[bank])
        self._free[bank] = taken + 1 + (bank - self.client - 2 - taken) % latency.SLOTS
        return taken


@dataclass(kw_only=True)
class LoadTimes:
    """The instructions of a :class:`vitaccel_rtl.accelerator.load_engine.LoadEngine`, one after the other.

    Parameters
    ----------
    side
        P.
    jobs
        Of the engine.
    dma
        The other parameters of :class:`vitaccel_rtl.dma_timing.ReadEngine` but its ``word_bytes``.
    """

    side: int
    jobs: int = 8
    dma: dict[str, int]

    def __post_init__(self) -> None:
        self._gate = _Gate(jobs=self.jobs)
        self._reader = _Reader(word_bytes=self.side, **self.dma)
        self._sets = _Sets(side=self.side)
        self._banks = _Banks(client=LOAD_CLIENT)
        self._done = 0

    def load(self, transfer: Transfer, offered: int) -> Times:
        """Return the times of an instruction that is offered from such a cycle on."""
        accepted = self._gate.accept(offered)
        self._reader.begin(transfer.job, accepted + latency.STREAM_FIFO)
        if transfer.buffer in (PARAMETER, TABLE):
            self._sets.begin(transfer)
        taken = accepted
        for address, _ in transfer.addresses(self.side):
            word = self._reader.offer()
            if transfer.buffer == ACTIVATION:
                taken = self._banks.word(address, word)
            elif transfer.buffer == WEIGHT:
                taken = word
            else:
                taken = self._sets.word(word)
            self._reader.take(taken)
        self._done = max(self._finish(transfer.buffer, taken), self._done) + 1
        return self._gate.complete(self._done)

    def _finish(self, buffer: int, taken: int) -> int:
        """Return when a job is finished whose last word was taken in such a cycle."""
        if buffer == ACTIVATION:
            return taken + latency.LINE_WRITER
        if buffer == WEIGHT:
            return taken
        return self._sets.end(buffer == TABLE)


@dataclass(kw_only=True)
class _Writer(WriteEngine):
    """The write engine where words are not there before they are taken."""

    _bursts_left: Iterator[int] = field(default=iter(()), init=False)
    _words: Iterator[tuple[int, int]] = field(default=iter(()), init=False)
    _at: int = field(default=0, init=False)
    _left: int = field(default=0, init=False)
    _known: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._packer = _packer(**self._sizes)

    def begin(self, job: Job, at: int) -> None:
        """Begin a job whose descriptor is offered in cycle *at*."""
        self._at = at
        self._bursts_left = self._bursts(job)
        self._words = word_beats(job, beat_bytes=self.beat_bytes, word_bytes=self.word_bytes)

    def word(self, offered: int) -> int:
        """Return when the next word of the job is taken, if it is offered from such a cycle on."""
        _, beats = next(self._words)
        plan = self._at + latency.STREAM_FIFO + latency.WORD_PLAN
        taken, joined = self._packer.word(max(offered, plan))
        for _ in range(beats):
            if not self._left:
                self._left = next(self._bursts_left)
                self._known = self._issue(self._at + latency.BURST_CUTTER) + latency.STREAM_FIFO
            sent = self._packer.send(max(self._packer.beat(joined), self._known))
            self.beats_at.append(sent + latency.SKID_BUFFER)
            self._left -= 1
            if not self._left:
                self._answer(self.beats_at[-1])
        return taken

    def end(self) -> int:
        """Return when the status of the job is offered, of which all words were taken."""
        return self._ended[-1] + latency.SKID_BUFFER


@dataclass(kw_only=True)
class _Runs:
    """Words of runs as :class:`vitaccel_rtl.accelerator.line_reader.LineReader` offers them."""

    client: int
    places: int
    _accepted: int = field(default=-1, init=False)
    _asked: int = field(default=-1, init=False)
    _taken: list[int] = field(default_factory=list, init=False)

    def begin(self, offered: int) -> None:
        """Accept a run that is offered from such a cycle on, and after the one before."""
        self._accepted = max(offered, self._accepted + 1, self._asked)

    def offer(self, address: int) -> int:
        """Return when the next word of the run is offered."""
        free = self._taken[-self.places] + 1 if len(self._taken) >= self.places else 0
        earliest = max(self._accepted + 1, self._asked + 1, free)
        self._asked = earliest + (address - self.client - earliest) % latency.SLOTS
        offered = self._asked + latency.SLOT_BUFFER + latency.CREDIT_QUEUE
        return max(offered, self._taken[-1] + 1) if self._taken else offered

    def take(self, cycle: int) -> None:
        """Note when that word was taken."""
        self._taken.append(cycle)


@dataclass(kw_only=True)
class StoreTimes:
    """The instructions of a :class:`vitaccel_rtl.accelerator.store_engine.StoreEngine`, one after the other.

    Parameters
    ----------
    side
        P.
    jobs
        Of the engine.
    dma
        The other parameters of :class:`vitaccel_rtl.dma_timing.WriteEngine` but its ``word_bytes``.
    """

    side: int
    jobs: int = 8
    dma: dict[str, int]

    def __post_init__(self) -> None:
        self._gate = _Gate(jobs=self.jobs)
        self._runs = _Runs(client=STORE_CLIENT, places=2 * latency.SLOTS)
        self._writer = _Writer(word_bytes=self.side, **self.dma)

    def store(self, transfer: Transfer, offered: int) -> Times:
        """Return the times of an instruction that is offered from such a cycle on."""
        accepted = self._gate.accept(offered)
        self._writer.begin(transfer.job, accepted + latency.STREAM_FIFO)
        begins = True
        for address, ends in transfer.addresses(self.side):
            if begins:
                self._runs.begin(accepted + latency.STREAM_FIFO + ROW_RUNS)
            taken = self._writer.word(self._runs.offer(address))
            self._runs.take(taken)
            begins = ends
        return self._gate.complete(self._writer.end())

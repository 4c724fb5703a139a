"""When a DMA job's data move and when it is done: to the cycle what the engines take under a memory of fixed latency.

Such a memory accepts an address or a beat whenever it is offered. It offers the first beat of a burst, one a cycle
from there, ``latency_cycles`` after it accepted the address, and its answer ``latency_cycles`` after it accepted
address and data; in each case not before those of the burst before it. On chip a word is taken, or there, in every
cycle. Pure Python.

A word takes a cycle even if the beat that it lies in has more of them (:func:`word_beats`): with words narrower than
beats, the bus waits. What is left of this for the cost model is :mod:`vitaccel_rtl.dma_cycles`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from vitaccel_rtl import dma_latency, latency

PAGE_BYTES = 4096
READ_TURN, WRITE_TURN = 1, 3
"""Cycles from the end of a burst to the first beat of the one that takes its place, beyond the memory's latency."""

BUFFER_TURN = 1
"""One more where the bursts in flight fill the read engine's buffer: the last beat must leave it first."""

ISSUE = 1
"""From a burst's being issued to its address on the bus."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A descriptor, with the fields of :func:`vitaccel_rtl.dma_job.descriptor_layout`."""

    address: int
    rows: int = 1
    row_bytes: int
    stride_bytes: int = 0

    @property
    def runs(self) -> Iterator[tuple[int, int]]:
        """Address and bytes of every run: of a row, or of all where they follow each other without a gap."""
        if self.stride_bytes == self.row_bytes:
            yield self.address, self.rows * self.row_bytes
            return
        for row in range(self.rows):
            yield self.address + row * self.stride_bytes, self.row_bytes

    def words(self, word_bytes: int) -> int:
        """Return the words on chip of all rows."""
        return self.rows * -(-self.row_bytes // word_bytes)


def bursts_of_run(
    address: int, run_bytes: int, *, beat_bytes: int, burst_beats: int, page_bytes: int = PAGE_BYTES
) -> Iterator[int]:
    """Return the beats of each burst of a run: as long as may be, but for the last before 4 KiB and the last of all."""
    first, last = address // beat_bytes, (address + run_bytes - 1) // beat_bytes
    page = page_bytes // beat_bytes
    while first <= last:
        beats = min(last + 1 - first, page - first % page, burst_beats)
        yield beats
        first += beats


def word_beats(job: Job, *, beat_bytes: int, word_bytes: int) -> Iterator[tuple[int, int]]:
    """Return for each word the beats that it is the first of, and those that it is the last of.

    A reader fetches the former before the word, a writer sends the latter after it; either takes a cycle if there are
    none.
    """
    is_one_run = job.stride_bytes == job.row_bytes
    for row in range(job.rows):
        start = job.address + row * job.stride_bytes
        until = start + job.row_bytes
        opens = row == 0 or not is_one_run
        closes = row == job.rows - 1 or not is_one_run
        for at in range(start, until, word_bytes):
            end = min(at + word_bytes, until)
            first, last = at // beat_bytes, (end - 1) // beat_bytes
            begins = (at == start and opens) or at % beat_bytes == 0
            ends = (end == until and closes) or end % beat_bytes == 0
            yield last - first + begins, last - first + ends


class History(Protocol):
    """Times in the order in which they were added, like a list of them."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> int: ...

    def append(self, time: int, /) -> None:
        """Add a time behind the others."""


@dataclass(kw_only=True)
class _Engine:
    """An engine and its memory; every job adds to what happened before it.

    Parameters
    ----------
    beat_bytes, word_bytes, align_bytes, burst_beats, outstanding
        Of :class:`vitaccel_rtl.axi.Geometry`.
    latency_cycles
        Of the memory.

    Attributes
    ----------
    beats_at
        In which cycles beats were on the bus so far.
    """

    beat_bytes: int
    word_bytes: int
    align_bytes: int
    burst_beats: int
    outstanding: int
    latency_cycles: int
    beats_at: list[int] = field(default_factory=list, init=False)
    _issued: int = field(default=-1, init=False)
    _ended: list[int] = field(default_factory=list, init=False)

    @property
    def _sizes(self) -> dict[str, int]:
        return {"beat_bytes": self.beat_bytes, "word_bytes": self.word_bytes, "align_bytes": self.align_bytes}

    def _bursts(self, job: Job) -> Iterator[int]:
        for address, run_bytes in job.runs:
            yield from bursts_of_run(address, run_bytes, beat_bytes=self.beat_bytes, burst_beats=self.burst_beats)

    def _issue(self, cut: int, room: int = 0) -> int:
        """Return when the next burst is issued; its job's first is there in cycle *cut*, its room in cycle *room*."""
        place_free = self._ended[-self.outstanding] + 1 if len(self._ended) >= self.outstanding else -1
        self._issued = max(cut, self._issued + 1, place_free, room)
        return self._issued


@dataclass(kw_only=True)
class ReadEngine(_Engine):
    """Jobs of :class:`vitaccel_rtl.dma_read.DmaRead`.

    Parameters
    ----------
    buffer_beats
        Of the engine. Bursts also wait for room in the buffer, where words are narrower than beats.
    """

    buffer_beats: int
    _moved: int = field(default=-1, init=False)
    _left: History = field(default_factory=list, init=False)
    _fetched: list[int] = field(default_factory=list, init=False)

    def job(self, job: Job, at: int) -> int:
        """Return when the status of a job is offered whose descriptor was accepted in cycle *at*."""
        beats = self._beats(job, at)
        plan = at + latency.STREAM_FIFO + dma_latency.WORD_PLAN
        for needed, _ in word_beats(job, beat_bytes=self.beat_bytes, word_bytes=self.word_bytes):
            for _ in range(needed):
                self._moved = max(plan, self._moved + 1, next(beats))
                self._fetched.append(self._moved)
            if not needed:
                self._moved += 1
        return self._moved + dma_latency.beats_to_words(**self._sizes) + latency.SKID_BUFFER

    def _beats(self, job: Job, at: int) -> Iterator[int]:
        """Return in which cycle each beat is offered by the buffer."""
        cut = at + dma_latency.BURST_CUTTER + dma_latency.RESERVE
        for beats in self._bursts(job):
            room = len(self._left) + beats - self.buffer_beats
            answer = self._issue(cut, self._left[room - 1] + 1 if room > 0 else 0) + ISSUE + self.latency_cycles
            first = max(answer, self._ended[-1] + 1) if self._ended else answer
            self._ended.append(first + beats - 1)
            self.beats_at += range(first, first + beats)
            for beat in range(first, first + beats):
                yield self._leave(beat) + dma_latency.BEAT_BUFFER - 1

    def _leave(self, arrives: int) -> int:
        """Return when a beat leaves the buffer's memory: one a cycle, and only a few before they are fetched."""
        leaves = max(arrives, self._left[-1] if self._left else -1) + 1
        if len(self._fetched) >= dma_latency.BEAT_BUFFER:
            leaves = max(leaves, self._fetched[-dma_latency.BEAT_BUFFER] + 1)
        self._left.append(leaves)
        return leaves


@dataclass(kw_only=True)
class WriteEngine(_Engine):
    """Jobs of :class:`vitaccel_rtl.dma_write.DmaWrite`."""

    _joined: int = field(default=-1, init=False)
    _sent: list[int] = field(default_factory=list, init=False)

    def job(self, job: Job, at: int) -> int:
        """Return when the status of a job is offered whose descriptor was accepted in cycle *at*."""
        plan = at + latency.STREAM_FIFO + dma_latency.WORD_PLAN
        joins = plan + dma_latency.words_to_beats(**self._sizes) - latency.SKID_BUFFER - 1
        words = word_beats(job, beat_bytes=self.beat_bytes, word_bytes=self.word_bytes)
        bursts = self._bursts(job)
        left, length_known = 0, 0
        for _, complete in words:
            self._joined = max(self._joined, joins)
            for _ in range(complete):
                if not left:
                    left = next(bursts)
                    length_known = self._issue(at + dma_latency.BURST_CUTTER) + latency.STREAM_FIFO
                self._join()
                self._sent.append(max(self._joined + latency.SKID_BUFFER, self._last(1) + 1, length_known))
                self.beats_at.append(self._sent[-1] + latency.SKID_BUFFER)
                left -= 1
                if not left:
                    self._answer(self.beats_at[-1])
            if not complete:
                self._joined += 1
        return self._ended[-1] + latency.SKID_BUFFER

    def _join(self) -> None:
        """Complete a beat: one a cycle, and two at most before they are sent."""
        self._joined = max(self._joined + 1, self._last(2) + 1)

    def _last(self, beats: int) -> int:
        """Return when the last beat but so many was sent."""
        return self._sent[-beats] if len(self._sent) >= beats else -1

    def _answer(self, last_beat: int) -> None:
        """Take the answer of a burst, whose address was accepted before its data."""
        answer = last_beat + self.latency_cycles
        self._ended.append(max(answer, self._ended[-1] + 1) if self._ended else answer)

"""Jobs of the read DMA whose words are taken as soon as they are offered: to the cycle, but burst by burst.

Words need a beat in some of the cycles in which they move: with c[k] of these cycles before the one for beat k, and
a[k] the cycle in which the beat arrives from memory, the beat is fetched at

    m[k] = max(m[k - 1] + c[k] - c[k - 1], a[k] + BEAT_BUFFER)

As the beats of a burst arrive one a cycle and c rises by 1 or more, ``m[k] - c[k]`` is the same for all of them. A beat
leaves the buffer's memory at ``max(a[k], m[k - BEAT_BUFFER]) + 1``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from vitaccel_rtl import dma_latency, latency
from vitaccel_rtl.accelerator.progressions import Progression, Progressions
from vitaccel_rtl.accelerator.stalled_dma import StalledReader
from vitaccel_rtl.dma_timing import ISSUE, Job, word_beats


class Moves(NamedTuple):
    """In which cycles the words of a job move, if nothing keeps them waiting; 0 is that of the first beat.

    Parameters
    ----------
    beats
        In which every beat is fetched.
    step
        From each of these to the next, if they are as far apart; else 0.
    first, last
        In which the first and the last words are through: those of a frame, or all.
    """

    beats: Sequence[int]
    step: int
    first: tuple[int, ...]
    last: tuple[int, ...]


@lru_cache(maxsize=1 << 8)
def moves_of(job: Job, *, beat_bytes: int, word_bytes: int) -> Moves:
    """Return the moves of a job; only its place in a beat matters."""
    if job.rows == 1 and job.address % beat_bytes == 0 and 0 in (beat_bytes % word_bytes, word_bytes % beat_bytes):
        return _aligned_moves(job.row_bytes, beat_bytes, word_bytes)
    beats: list[int] = []
    ends: list[int] = []
    cycle = 0
    for needed, _ in word_beats(job, beat_bytes=beat_bytes, word_bytes=word_bytes):
        beats += range(cycle, cycle + needed)
        cycle += max(needed, 1)
        ends.append(cycle - 1)
    step = beats[1] - beats[0] if len(beats) > 1 else 1
    is_even = beats == list(range(0, step * len(beats), step))
    return Moves(beats, step if is_even else 0, tuple(ends[: latency.SLOTS]), tuple(ends[-latency.SLOTS :]))


def _aligned_moves(row_bytes: int, beat_bytes: int, word_bytes: int) -> Moves:
    """Return those of a row of beats that are several words each, or of words that are several beats."""
    beats, words = -(row_bytes // -beat_bytes), -(row_bytes // -word_bytes)
    step, of_word = max(1, beat_bytes // word_bytes), max(1, word_bytes // beat_bytes)
    cycles = max(words, beats)
    ends = range(of_word - 1, cycles + of_word - 1, of_word)
    first, last = (
        tuple(min(end, cycles - 1) for end in some) for some in (ends[: latency.SLOTS], ends[-latency.SLOTS :])
    )
    return Moves(range(0, step * beats, step), step, first, last)


@dataclass
class _Row:
    """Bursts of a row so far: the first beat of each, when it arrives, and ``m - c``."""

    moves: Moves
    fetched: list[int]
    firsts: list[int] = field(default_factory=list)
    arrives: list[int] = field(default_factory=list)
    bases: list[int] = field(default_factory=list)

    def fetch(self, beat: int) -> int:
        """Return m[beat]; of beats of earlier jobs those that may still matter."""
        if beat < 0:
            return self.fetched[beat] if len(self.fetched) >= -beat else 0
        return self.bases[bisect_right(self.firsts, beat) - 1] + self.moves.beats[beat]

    def leave(self, beat: int) -> int:
        """Return when a beat leaves the buffer's memory."""
        burst = bisect_right(self.firsts, beat) - 1
        return max(self.arrives[burst] + beat - self.firsts[burst], self.fetch(beat - dma_latency.BEAT_BUFFER)) + 1

    def leaves(self, begin: int, end: int) -> Iterator[Progression]:
        """Return when beats from *begin* to before *end* leave the buffer's memory."""
        step = self.moves.step
        if not step:
            yield from (Progression(self.leave(beat), 1, 1) for beat in range(begin, end))
            return
        starts = {begin, *(first + late for first in self.firsts for late in (0, dma_latency.BEAT_BUFFER))}
        starts.update(range(begin, dma_latency.BEAT_BUFFER))
        cuts = [*sorted(start for start in starts if begin <= start < end), end]
        for start, until in pairwise(cuts):
            yield from self._piece(start, until - start, step)

    def _piece(self, start: int, count: int, step: int) -> Iterator[Progression]:
        """Return when beats leave that are of one burst, and so are those before which they must not."""
        burst = bisect_right(self.firsts, start) - 1
        arrived, fetched = self.arrives[burst] + start - self.firsts[burst], self.fetch(start - dma_latency.BEAT_BUFFER)
        ahead = arrived - fetched
        free = 0 if ahead < 0 else count if step == 1 else min(count, ahead // (step - 1) + 1)
        yield Progression(arrived + 1, 1, free)
        yield Progression(fetched + step * free + 1, step, count - free)

    def moved(self, cycle: int) -> int:
        """Return when the word moves that would in *cycle* if nothing kept it waiting."""
        return self.bases[bisect_right(self.firsts, bisect_right(self.moves.beats, cycle) - 1) - 1] + cycle


def takes_at_once(reader: StalledReader, at: int) -> bool:
    """Whether nothing before a job whose descriptor is offered in cycle *at* keeps its words waiting in the stages."""
    start = _start(reader, at)
    through = start + reader._stages.stages + latency.SKID_BUFFER
    return all(end <= start for _, end in reader._stages._holds) and (not reader._taken or reader._taken[-1] < through)


def _start(reader: StalledReader, at: int) -> int:
    """Return the cycle from which on the job's first beat may be fetched, if it is there."""
    return max(at + latency.STREAM_FIFO + dma_latency.WORD_PLAN, reader._moved + 1)


def _left(earlier: Progressions, row: _Row, beat: int) -> int:
    """Return when a beat of a row, or of those before it, left the buffer's memory; -1 if there was none."""
    if beat >= 0:
        return row.leave(beat)
    return earlier[beat] if len(earlier) >= -beat else -1


def read_unstalled(reader: StalledReader, job: Job, at: int) -> tuple[list[int], list[int]]:
    """Do what a job does to a reader, and return when its first and its last words are taken: a frame of each, or all.

    Parameters
    ----------
    reader
        To which :func:`takes_at_once` applies.
    job, at
        As of :meth:`vitaccel_rtl.accelerator.stalled_dma.StalledReader.begin`.
    """
    place = replace(job, address=job.address % reader.beat_bytes)
    moves = moves_of(place, beat_bytes=reader.beat_bytes, word_bytes=reader.word_bytes)
    row = _Row(moves, reader._fetched)
    cut = at + dma_latency.BURST_CUTTER + dma_latency.RESERVE
    base = _start(reader, at)
    beat = 0
    for beats in reader._bursts(job):
        left = _left(reader._left, row, beat + beats - reader.buffer_beats - 1)
        answer = reader._issue(cut, left + 1) + ISSUE + reader.latency_cycles
        arrives = max(answer, reader._ended[-1] + 1) if reader._ended else answer
        reader._ended.append(arrives + beats - 1)
        base = max(base, arrives + dma_latency.BEAT_BUFFER - moves.beats[beat])
        row.firsts.append(beat)
        row.arrives.append(arrives)
        row.bases.append(base)
        beat += beats
    for leaves in row.leaves(max(0, beat - reader.buffer_beats), beat):
        reader._left.extend(leaves)
    reader._fetched = reader._fetched + [
        row.fetch(each) for each in range(max(0, beat - dma_latency.BEAT_BUFFER), beat)
    ]
    reader._stages._holds = []
    through = reader._stages.stages + latency.SKID_BUFFER
    first, last = ([row.moved(cycle) + through for cycle in cycles] for cycles in (moves.first, moves.last))
    reader._moved = last[-1] - through
    reader._taken = [*reader._taken, *last]
    return first, last

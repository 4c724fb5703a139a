"""Jobs of the store engine whose words follow each other without a gap: to the cycle, but burst by burst.

So they do where every word is in the bank behind that of the word before and completes a beat at most, and where no
burst waits for its place: word i is taken i cycles after the first, and the beats that it completes leave a constant
time later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from vitaccel_rtl import dma_latency, latency
from vitaccel_rtl.accelerator.buffer_turns import LINE_PLACES, ReadTurns
from vitaccel_rtl.accelerator.stalled_dma import PLACES, StalledWriter
from vitaccel_rtl.dma_timing import Job, word_beats


@lru_cache(maxsize=1 << 8)
def completions_of(job: Job, *, beat_bytes: int, word_bytes: int) -> Sequence[int] | None:
    """Return which word completes each beat of a job; ``None`` if one completes several."""
    words, of_beat = -(job.row_bytes // -word_bytes), beat_bytes // word_bytes
    if job.rows == 1 and job.address % beat_bytes == 0 and beat_bytes % word_bytes == 0 and words % of_beat == 0:
        return range(of_beat - 1, words, of_beat)
    beats = [complete for _, complete in word_beats(job, beat_bytes=beat_bytes, word_bytes=word_bytes)]
    return None if max(beats) > 1 else tuple(word for word, complete in enumerate(beats) if complete)


def write_unstalled(
    writer: StalledWriter, runs: ReadTurns, job: Job, at: int, place: tuple[int, int, int], run_at: int
) -> bool:
    """Do what a job does to a writer and to what reads its words; return whether it could be done.

    Parameters
    ----------
    writer, runs
        Left as they are if a word would wait.
    job, at
        As of :meth:`vitaccel_rtl.accelerator.stalled_dma.StalledWriter.begin`.
    place
        The bank of the first word, words of a row, and of all rows.
    run_at
        When the first run is offered.
    """
    shape = replace(job, address=job.address % writer.beat_bytes)
    done = completions_of(shape, beat_bytes=writer.beat_bytes, word_bytes=writer.word_bytes)
    before = runs.since(0), writer.since(0)
    if done is not None and _write(writer, runs, job, at, place, run_at, done):
        return True
    runs.resume(before[0], 0)
    writer.resume(before[1], 0)
    return False


def _write(
    writer: StalledWriter,
    runs: ReadTurns,
    job: Job,
    at: int,
    place: tuple[int, int, int],
    run_at: int,
    done: Sequence[int],
) -> bool:
    bank, row_words, words = place
    packer = writer._packer
    runs.begin(run_at)
    offered = runs.offer(bank)
    asked = runs._asked
    plan = at + latency.STREAM_FIFO + dma_latency.WORD_PLAN
    first = max(offered, plan, packer._entered + 1)
    if not _flows(runs, first, asked) or not packer.flows(first, first + done[0]):
        return False
    beat = 0
    for beats in writer._bursts(job):
        known = writer._issue(at + dma_latency.BURST_CUTTER) + latency.STREAM_FIFO
        if known > packer.leaves(first + done[beat]):
            return False
        beat += beats
        writer._answer(packer.leaves(first + done[beat - 1]) + latency.SKID_BUFFER)
    last = words - 1
    runs._taken = [*runs._taken, *(first + word for word in range(max(0, words - LINE_PLACES), words))]
    runs._asked = asked + last
    if words > row_words:
        runs._accepted = asked + last - row_words
    packer.flow(first + last, [first + word for word in done[-PLACES:]])
    return True


def _flows(runs: ReadTurns, first: int, asked: int) -> bool:
    """Whether no run before a job keeps its words waiting behind the first, which is asked for and taken then."""
    if first - asked >= LINE_PLACES:
        return False
    earlier = runs._taken[1 - LINE_PLACES :]
    return all(taken < asked + LINE_PLACES - place for place, taken in enumerate(reversed(earlier), 1))

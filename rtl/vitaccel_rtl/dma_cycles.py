"""Cycles of a DMA job in three numbers, as the cost model reads them: no stepping through beats.

The engines (:mod:`vitaccel_rtl.dma_timing`) send burst i, of b_i beats, over a bus of which it takes one a cycle:

    end_i = max(end_{i-1}, end_{i-outstanding} + wait) + b_i,    wait = latency + turn

A job that finds all places free is on the bus *alone* cycles, the last end of that. A job that follows others waits for
places that they hold: when jobs like it follow each other without end, one comes on average no sooner than every

    max(alone, ceil((bursts wait + beats) / outstanding))

cycles, *repeated* (Little's law). Before the first beat and after the last lies a constant, *latency*.

Where the bus is the limit all are exact for every sequence of jobs: *alone* and *repeated* are the beats. Where the
memory's latency is the limit, *alone* is exact for one job and *repeated* for jobs of bursts of one length.

This holds where words are at least as wide as beats, a multiple of them, and rows begin at multiples of words: then the
words of a job take no longer than its beats. Memory latency 0, which no bench has, is an answer in the same cycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from vitaccel_rtl import dma_latency, latency
from vitaccel_rtl.dma_timing import BUFFER_TURN, ISSUE, PAGE_BYTES, READ_TURN, WRITE_TURN, Job, bursts_of_run


@dataclass(frozen=True, kw_only=True)
class Bus:
    """What the cycles of a job on the bus depend on beside the job.

    Parameters
    ----------
    beat_bytes, burst_beats, outstanding
        Of :class:`vitaccel_rtl.axi.Geometry`. Jobs striped over several buses are on one that is as wide as all.
    wait_cycles
        From the end of a burst to the first beat of the one that takes its place, if the bus is free: the memory's
        latency, and :data:`vitaccel_rtl.dma_timing.READ_TURN` or ``WRITE_TURN``. ``BUFFER_TURN`` cycles more where the
        bursts in flight fill the buffer.
    buffer_beats
        Of the read engine, 3 or more; 0 when writing.
    page_bytes
        No burst crosses a multiple of it: 4096 for every bus that a job is striped over.
    """

    beat_bytes: int
    burst_beats: int
    outstanding: int
    wait_cycles: int
    buffer_beats: int
    page_bytes: int = PAGE_BYTES

    def wait_after(self, beats: int) -> int:
        """Return the cycles that a burst waits for its place, with so many beats in flight, its own among them."""
        return self.wait_cycles + (BUFFER_TURN if 0 < self.buffer_beats <= beats else 0)


def buffer_beats(outstanding: int, longest_burst: int) -> int:
    """Return the beats of the read engine's buffer, unless it is told another number: those of all bursts in flight."""
    return min(1 << 16, max(3, outstanding * longest_burst))


def read_bus(*, latency_cycles: int, **sizes: int) -> Bus:
    """Return the bus of :class:`vitaccel_rtl.dma_read.DmaRead` with a memory of this latency.

    Parameters
    ----------
    latency_cycles
        Of the memory.
    sizes
        Other parameters of :class:`Bus`; ``buffer_beats`` are those of all bursts in flight when left out.
    """
    ample = buffer_beats(sizes["outstanding"], sizes["burst_beats"])
    return Bus(wait_cycles=latency_cycles + READ_TURN, **{"buffer_beats": ample, **sizes})


def write_bus(*, latency_cycles: int, **sizes: int) -> Bus:
    """Return the bus of :class:`vitaccel_rtl.dma_write.DmaWrite`: as :func:`read_bus`, without a buffer."""
    return Bus(wait_cycles=latency_cycles + WRITE_TURN, buffer_beats=0, **sizes)


class Occupation(NamedTuple):
    """Cycles of a job on the bus: when it is *alone*, and from job to job when it is *repeated* without end."""

    alone: int
    repeated: int


def occupation(bus: Bus, job: Job) -> Occupation:
    """Return how long a job occupies the bus; only its place in a page matters, not in which one."""
    return _occupation(bus, job.address % bus.page_bytes, job.rows, job.row_bytes, job.stride_bytes)


@lru_cache(maxsize=1 << 16)
def _occupation(bus: Bus, address: int, rows: int, row_bytes: int, stride_bytes: int) -> Occupation:
    runs = list(Job(address=address, rows=rows, row_bytes=row_bytes, stride_bytes=stride_bytes).runs)
    counts = [_counts(bus, *run) for run in runs]
    bursts, beats = (sum(column) for column in zip(*counts, strict=True))
    if bursts <= bus.outstanding or (len(runs) == 1 and _keeps_busy(bus)):
        alone = beats
    else:
        alone = _stepped(bus, (burst for run in runs for burst in _bursts(bus, *run)))
    wait = bus.wait_after(bus.outstanding * beats // bursts)
    return Occupation(alone, max(alone, -(-(bursts * wait + beats) // bus.outstanding)))


def _bursts(bus: Bus, address: int, run_bytes: int) -> Iterator[int]:
    sizes = {"beat_bytes": bus.beat_bytes, "burst_beats": bus.burst_beats, "page_bytes": bus.page_bytes}
    return bursts_of_run(address, run_bytes, **sizes)


def _counts(bus: Bus, address: int, run_bytes: int) -> tuple[int, int]:
    """Return the bursts of a run and their beats: of its first page, of whole ones, of its last."""
    first, last = address // bus.beat_bytes, (address + run_bytes - 1) // bus.beat_bytes
    page = bus.page_bytes // bus.beat_bytes
    beats = last + 1 - first
    begun = min(beats, page - first % page)
    whole, rest = divmod(beats - begun, page)
    bursts = (-(-part // bus.burst_beats) for part in (begun, page, rest))
    return sum(many * times for many, times in zip(bursts, (1, whole, 1), strict=True)), beats


def _keeps_busy(bus: Bus) -> bool:
    """Whether a run never waits: between a burst and the one that takes its place, one burst at most is not whole."""
    page = bus.page_bytes // bus.beat_bytes
    return page % bus.burst_beats == 0 and (bus.outstanding - 2) * bus.burst_beats + 1 >= bus.wait_cycles + BUFFER_TURN


def _stepped(bus: Bus, bursts: Iterator[int]) -> int:
    places = bus.outstanding
    ends: list[int] = []
    sent = [0]
    end = 0
    for at, beats in enumerate(bursts):
        sent.append(sent[-1] + beats)
        if at >= places:
            end = max(end, ends[at - places] + bus.wait_after(sent[-1] - sent[-1 - places]))
        end += beats
        ends.append(end)
    return end


def occupied(bursts: int, beats: int, last_beats: int, *, outstanding: int, wait_cycles: int) -> int:
    """Cycles *alone* of so many bursts of *beats* beats, the last one of *last_beats*: one run that begins a burst.

    With q, r = divmod(bursts - 1, outstanding), that is ``q max(outstanding b, wait + b) + r b + b'``.
    """
    rounds, rest = divmod(bursts - 1, outstanding)
    return rounds * max(outstanding * beats, wait_cycles + beats) + rest * beats + last_beats


def read_latency(latency_cycles: int, **sizes: int) -> int:
    """Cycles of a job of :class:`vitaccel_rtl.dma_read.DmaRead`, from its descriptor to its status, beyond *alone*.

    Parameters
    ----------
    latency_cycles
        Of the memory.
    sizes
        ``beat_bytes``, ``word_bytes``, ``align_bytes`` of :func:`vitaccel_rtl.dma_latency.beats_to_words`.
    """
    first_beat = dma_latency.BURST_CUTTER + dma_latency.RESERVE + ISSUE + latency_cycles
    return first_beat - 1 + dma_latency.BEAT_BUFFER + dma_latency.beats_to_words(**sizes) + latency.SKID_BUFFER


def write_latency(latency_cycles: int, **sizes: int) -> int:
    """Cycles of a job of :class:`vitaccel_rtl.dma_write.DmaWrite`, its words at hand: as :func:`read_latency`."""
    length = dma_latency.BURST_CUTTER + latency.STREAM_FIFO
    word = latency.STREAM_FIFO + dma_latency.WORD_PLAN + dma_latency.words_to_beats(**sizes)
    first_beat = max(length, word) + latency.SKID_BUFFER
    return first_beat - 1 + latency_cycles + latency.SKID_BUFFER

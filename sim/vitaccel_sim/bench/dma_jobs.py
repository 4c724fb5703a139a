"""Jobs for DMA engines, drawn or chosen, as payloads of their streams; and what must come of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from vitaccel_rtl.axi import PAGE_BYTES, Geometry
from vitaccel_rtl.dma_timing import Job, bursts_of_run
from vitaccel_sim.bench.axi_rules import Limits

CONTENT_BYTES = 1 << 17
"""Of a memory that these jobs fit in."""


def limits_of(geometry: Geometry) -> Limits:
    """Return what an engine of this geometry must keep."""
    return Limits(
        beat_bytes=geometry.beat_bytes, longest_burst=geometry.longest_burst, outstanding=geometry.outstanding
    )


def random_content(seed: int) -> bytearray:
    """Return the bytes of a memory."""
    return bytearray(random.Random(seed).randbytes(CONTENT_BYTES))


def random_job(rng: random.Random, geometry: Geometry, most_bytes: int) -> Job:
    """Draw a job: one row or many, with gaps or without, from a byte to *most_bytes* in all, often at a page's end."""
    align = geometry.row_align_bytes
    rows = rng.choice((1, 1, 2, 3, rng.randint(1, 12)))
    longest = max(1, most_bytes // rows)
    row_bytes = rng.choice((1, align, rng.randint(1, 3 * geometry.word_bytes), rng.randint(1, longest)))
    padded_bytes = -(-row_bytes // align) * align
    if rng.random() < 0.5:
        row_bytes = stride_bytes = padded_bytes
    else:
        stride_bytes = padded_bytes + rng.randint(0, 5) * align
    rows = max(1, min(rows, CONTENT_BYTES // 2 // stride_bytes))
    before_page = PAGE_BYTES - rng.randint(0, 2 * geometry.beat_bytes)
    address = rng.choice((0, before_page, rng.randrange(CONTENT_BYTES // 2))) // align * align
    return Job(address=address, rows=rows, row_bytes=row_bytes, stride_bytes=stride_bytes)


def large_job(rng: random.Random, geometry: Geometry, rows: int, *, is_one_run: bool) -> Job:
    """Draw a job whose rows are as long, or as far from each other, as the address space allows for so many of them."""
    align = geometry.row_align_bytes
    space = 1 << geometry.address_bits
    most = min((1 << geometry.length_bits) - 1, (space - 1) // rows) // align * align
    stride_bytes = rng.choice((most, rng.randint(most // 2, most) // align * align))
    return Job(
        address=rng.randrange(space - rows * stride_bytes) // align * align,
        rows=rows,
        row_bytes=stride_bytes if is_one_run else rng.randint(1, stride_bytes - 1),
        stride_bytes=stride_bytes,
    )


def row_addresses(job: Job) -> list[int]:
    """Return where each row begins."""
    return [job.address + row * job.stride_bytes for row in range(job.rows)]


def word_count(job: Job, word_bytes: int) -> int:
    """Return the words of a job: those of a row, times the rows."""
    return job.words(word_bytes)


def packed_job(job: Job, geometry: Geometry) -> int:
    """Return the payload of a descriptor."""
    packed, at = 0, 0
    widths = (geometry.address_bits, geometry.rows_bits, geometry.length_bits, geometry.length_bits)
    for value, width in zip((job.address, job.rows, job.row_bytes, job.stride_bytes), widths, strict=True):
        if value >> width:
            raise ValueError(f"a field of a descriptor must have at most {width} bits, not be {value}")
        packed, at = packed | value << at, at + width
    return packed


def words_read(job: Job, content: bytes | bytearray, word_bytes: int) -> Iterator[int]:
    """Yield the payloads that a read engine must make of a job: words, ``last_of_row``, ``last``."""
    for row, address in enumerate(row_addresses(job)):
        for at in range(0, job.row_bytes, word_bytes):
            places = range(address + at, address + min(job.row_bytes, at + word_bytes))
            lanes = bytes(content[place % len(content)] for place in places)
            ends_row = at + word_bytes >= job.row_bytes
            ends = ends_row and row == job.rows - 1
            yield int.from_bytes(lanes, "little") | (ends_row | ends << 1) << 8 * word_bytes


@dataclass(frozen=True)
class Burst:
    """What a burst moves.

    Parameters
    ----------
    address, beats
        As the bus has them.
    first, count
        Address of the first byte of the job in it, and how many there are.
    """

    address: int
    beats: int
    first: int
    count: int


def bursts_of(job: Job, geometry: Geometry) -> Iterator[Burst]:
    """Yield the bursts of a job."""
    size = geometry.beat_bytes
    for start, run_bytes in job.runs:
        at, until = start, start + run_bytes
        for beats in bursts_of_run(start, run_bytes, beat_bytes=size, burst_beats=geometry.longest_burst):
            end = min(until, (at // size + beats) * size)
            yield Burst(at // size * size, beats, at, end - at)
            at = end


def bytes_written(job: Job, words: Iterator[int], word_bytes: int) -> Iterator[bytes]:
    """Yield the rows of a write engine's job, of the words that it takes."""
    for _ in range(job.rows):
        row = b"".join(word.to_bytes(word_bytes, "little") for word in islice(words, -(-job.row_bytes // word_bytes)))
        yield row[: job.row_bytes]


def content_written(jobs: Sequence[Job], words: Sequence[int], content: bytearray, word_bytes: int) -> bytearray:
    """Return the content of a memory after a write engine was given jobs and the payloads of their words."""
    content, rest = bytearray(content), iter(words)
    for job in jobs:
        for address, row in zip(row_addresses(job), bytes_written(job, rest, word_bytes), strict=True):
            content[address : address + job.row_bytes] = row
    return content


def beats_of(job: Job, beat_bytes: int) -> list[int]:
    """Return the addresses of the beats that a job touches."""
    touched = []
    for address, run_bytes in job.runs:
        touched += range(address // beat_bytes * beat_bytes, address + run_bytes, beat_bytes)
    return touched

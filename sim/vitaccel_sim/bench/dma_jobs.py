"""Jobs for DMA engines, drawn or chosen, as payloads of their streams; and what must come of them."""

from __future__ import annotations

import random
from collections.abc import Sequence

from vitaccel_rtl.axi import PAGE_BYTES, Geometry
from vitaccel_rtl.dma_timing import Job
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
    before_page = PAGE_BYTES - rng.randint(0, 2 * geometry.beat_bytes)
    address = rng.choice((0, before_page, rng.randrange(CONTENT_BYTES // 2))) // align * align
    return Job(address=address, rows=rows, row_bytes=row_bytes, stride_bytes=stride_bytes)


def row_addresses(job: Job) -> list[int]:
    """Return where each row begins."""
    return [job.address + row * job.stride_bytes for row in range(job.rows)]


def word_count(job: Job, word_bytes: int) -> int:
    """Return the words of a job: those of a row, times the rows."""
    return job.rows * -(-job.row_bytes // word_bytes)


def packed_job(job: Job, geometry: Geometry) -> int:
    """Return the payload of a descriptor."""
    packed, at = 0, 0
    widths = (geometry.address_bits, geometry.rows_bits, geometry.length_bits, geometry.length_bits)
    for value, width in zip((job.address, job.rows, job.row_bytes, job.stride_bytes), widths, strict=True):
        if value >> width:
            raise ValueError(f"a field of a descriptor must have at most {width} bits, not be {value}")
        packed, at = packed | value << at, at + width
    return packed


def words_read(job: Job, content: bytes | bytearray, word_bytes: int) -> list[int]:
    """Return the payloads that a read engine must make of a job: words, ``last_of_row``, ``last``."""
    words = []
    for row, address in enumerate(row_addresses(job)):
        for at in range(0, job.row_bytes, word_bytes):
            lanes = content[address + at : address + min(job.row_bytes, at + word_bytes)]
            ends_row = at + word_bytes >= job.row_bytes
            ends = ends_row and row == job.rows - 1
            words.append(int.from_bytes(lanes, "little") | (ends_row | ends << 1) << 8 * word_bytes)
    return words


def content_written(jobs: Sequence[Job], words: Sequence[int], content: bytearray, word_bytes: int) -> bytearray:
    """Return the content of a memory after a write engine was given jobs and the payloads of their words."""
    content, rest = bytearray(content), iter(words)
    for job in jobs:
        for address in row_addresses(job):
            row = b"".join(next(rest).to_bytes(word_bytes, "little") for _ in range(-(-job.row_bytes // word_bytes)))
            content[address : address + job.row_bytes] = row[: job.row_bytes]
    return content


def beats_of(job: Job, beat_bytes: int) -> list[int]:
    """Return the addresses of the beats that a job touches."""
    touched = []
    for address, run_bytes in job.runs:
        touched += range(address // beat_bytes * beat_bytes, address + run_bytes, beat_bytes)
    return touched

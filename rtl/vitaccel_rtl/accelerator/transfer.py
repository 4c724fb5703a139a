"""A load or a store by what its cycles depend on. Pure Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from vitaccel_rtl import latency
from vitaccel_rtl.dma_timing import PAGE_BYTES, Job, bursts_of_run

ACTIVATION, WEIGHT, PARAMETER, TABLE = range(4)
"""Numbers of ``buffer``."""


class Times(NamedTuple):
    """Cycles in which an instruction was accepted, and in which its ``done`` was told."""

    accepted: int
    done: int


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

    def parted(self, side: int, *, beat_bytes: int, burst_beats: int) -> tuple[Transfer, Transfer | None]:
        """Return its first burst, or its first few, and the rest of it, which begins with a burst and a word.

        The rest is ``None`` if there is no such place in it, or if it has several rows.
        """
        done = -(self.dram % beat_bytes)
        if self.rows > 1:
            return self, None
        for beats in bursts_of_run(self.dram, self.row_bytes, beat_bytes=beat_bytes, burst_beats=burst_beats):
            done += beats * beat_bytes
            if done >= self.row_bytes:
                break
            if done % side == 0:
                first, left = (
                    replace(self, row_bytes=size, stride_bytes=size) for size in (done, self.row_bytes - done)
                )
                return first, replace(left, dram=self.dram + done, address=self.address + done // side)
        return self, None

"""Which instructions must have completed before another may start: waits from what is read and written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from vitaccel.ir.plan import Place
from vitaccel.ir.program import Engine, Instruction

ENGINES = len(Engine)


@dataclass(frozen=True)
class Access:
    """Row-blocks ``first`` to ``first + count`` of a place, read or written."""

    place: Place
    first: int
    count: int


class Tracker:
    """Counts of completed instructions needed, by the last accesses to every row-block of every place.

    A reader waits for the last writers of its rows. A writer waits for the last readers and writers of its rows, and
    when its place is new, for every access to what stood on those words before. Engines work in order, so an engine
    never waits for itself on account of a write after a read or a write.
    """

    def __init__(self) -> None:
        self.issued = [0] * ENGINES
        self._wrote: dict[Place, np.ndarray] = {}
        self._read: dict[Place, np.ndarray] = {}
        self._ground: dict[Place, np.ndarray] = {}

    def issue(
        self,
        instruction: Instruction,
        reads: Iterable[Access],
        writes: Iterable[Access],
        after: Iterable[tuple[Engine, int]] = (),
    ) -> Instruction:
        """The instruction with its waits; its accesses are recorded."""
        engine = instruction.engine
        reads, writes = list(reads), list(writes)
        true_waits = np.zeros(ENGINES, np.int64)
        order_waits = np.zeros(ENGINES, np.int64)
        for access in reads:
            true_waits = np.maximum(true_waits, self._rows(self._wrote, access).max(axis=0, initial=0))
        for access in writes:
            for table in (self._wrote, self._read):
                order_waits = np.maximum(order_waits, self._rows(table, access).max(axis=0, initial=0))
            order_waits = np.maximum(order_waits, self._ground[access.place])
        order_waits[engine] = 0
        waits = np.maximum(true_waits, order_waits)
        for other, count in after:
            waits[other] = max(waits[other], count)
        self.issued[engine] += 1
        for table, accesses in ((self._read, reads), (self._wrote, writes)):
            for access in accesses:
                self._rows(table, access)[:, engine] = self.issued[engine]
        load, compute, vector, store = (int(w) for w in waits)
        return replace(instruction, waits=(load, compute, vector, store))

    def _rows(self, table: dict[Place, np.ndarray], access: Access) -> np.ndarray:
        if access.place not in self._ground:
            self._settle(access.place)
        stop = access.first + access.count
        rows = table[access.place]
        if stop > len(rows):
            for each in (self._wrote, self._read):
                grown = np.zeros((stop, ENGINES), np.int64)
                grown[: len(each[access.place])] = each[access.place]
                each[access.place] = grown
            rows = table[access.place]
        return rows[access.first : stop]

    def _settle(self, place: Place) -> None:
        ground = np.zeros(ENGINES, np.int64)
        for other in self._ground:
            if other.overlaps(place):
                for table in (self._wrote, self._read):
                    ground = np.maximum(ground, table[other].max(axis=0, initial=0))
        self._ground[place] = ground
        self._wrote[place] = np.zeros((0, ENGINES), np.int64)
        self._read[place] = np.zeros((0, ENGINES), np.int64)


@dataclass
class Ring:
    """The weight buffer as a ring of chunks, each free again once the last instruction that reads it has completed.

    Parameters
    ----------
    words
        P-byte words in each bank.
    """

    words: int

    def __post_init__(self) -> None:
        self._next = 0
        self._chunks: list[list[int]] = []

    def take(self, words: int) -> tuple[int, int, list[int]]:
        """Address of a new chunk, the compute count to wait for, and a handle for :meth:`used`."""
        if self._next + words > self.words:
            self._next = 0
        start, stop = self._next, self._next + words
        old = [c for c in self._chunks if c[0] < stop and start < c[1]]
        self._chunks = [c for c in self._chunks if c not in old]
        chunk = [start, stop, 0]
        self._chunks.append(chunk)
        self._next = stop
        return start, max((c[2] for c in old), default=0), chunk

    def used(self, chunk: list[int], compute_count: int) -> None:
        """Note that the compute instruction with this count reads the chunk."""
        chunk[2] = max(chunk[2], compute_count)

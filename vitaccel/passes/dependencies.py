"""Which instructions must have completed before another may start: waits from what is read and written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from vitaccel.ir.plan import Place
from vitaccel.ir.program import Engine, Instruction

ENGINES = len(Engine)


@dataclass(frozen=True)
class Access:
    """Row-blocks ``first`` to ``first + count`` of a place, read or written."""

    place: Place
    first: int
    count: int


class History:
    """Accesses to one place: counts of the last write and the last read of every row-block, by engine.

    Parameters
    ----------
    ground
        Counts of the last accesses to what stood on the same words before.
    first
        Index in the program of the first instruction that touches the place.

    Attributes
    ----------
    span
        For every engine that touches the place, the indices of its first and last instruction that does.
    """

    def __init__(self, ground: list[int], first: int) -> None:
        self.ground = ground
        self.first = self.last = first
        self.span: dict[Engine, tuple[int, int]] = {}
        self.latest = [0] * ENGINES
        self.wrote: list[list[int]] = [[] for _ in range(ENGINES)]
        self.read: list[list[int]] = [[] for _ in range(ENGINES)]

    def note(self, rows: list[int], engine: Engine, access: Access, count: int) -> None:
        """Record an access by ``engine``, whose completion count it is; ``rows`` is its part of a table."""
        stop = access.first + access.count
        rows.extend([0] * (stop - len(rows)))
        rows[access.first : stop] = [count] * access.count
        self.latest[engine] = count


class Tracker:
    """Counts of completed instructions needed, by the last accesses to every row-block of every place.

    A reader waits for the last writers of its rows. A writer waits for the last readers and writers of its rows, and
    when its place is new, for every access to what stood on those words before. Engines work in order, so an engine
    never waits for itself on account of a write after a read or a write.
    """

    def __init__(self) -> None:
        self.issued = [0] * ENGINES
        self.histories: dict[Place, History] = {}

    def issue(
        self,
        instruction: Instruction,
        reads: Iterable[Access],
        writes: Iterable[Access],
        after: Iterable[tuple[Engine, int]] = (),
    ) -> Instruction:
        """The instruction with its waits; its accesses are recorded."""
        engine, index = instruction.engine, sum(self.issued)
        read = [(access, self._history(access.place, index, engine)) for access in reads]
        written = [(access, self._history(access.place, index, engine)) for access in writes]
        waits = [0] * ENGINES
        for access, history in written:
            _raise(waits, history.ground)
            _raise_to_last(waits, history.wrote, access)
            _raise_to_last(waits, history.read, access)
        waits[engine] = 0
        for access, history in read:
            _raise_to_last(waits, history.wrote, access)
        for other, count in after:
            waits[other] = max(waits[other], count)
        self.issued[engine] += 1
        for access, history in read:
            history.note(history.read[engine], engine, access, self.issued[engine])
        for access, history in written:
            history.note(history.wrote[engine], engine, access, self.issued[engine])
        load, compute, vector, store = waits
        return instruction.waiting((load, compute, vector, store))

    def _history(self, place: Place, index: int, engine: Engine) -> History:
        """The history of a place, which the instruction of an engine at ``index`` now touches."""
        history = self.histories.get(place)
        if history is None:
            ground = [0] * ENGINES
            for other, before in self.histories.items():
                if other.overlaps(place):
                    _raise(ground, before.latest)
            history = self.histories[place] = History(ground, index)
        history.last = index
        history.span[engine] = history.span.get(engine, (index,))[0], index
        return history


def _raise_to_last(counts: list[int], table: list[list[int]], access: Access) -> None:
    """Make every engine's count at least the last one over the rows of an access."""
    stop = access.first + access.count
    for engine, rows in enumerate(table):
        touched = rows[access.first : stop]
        if touched:
            counts[engine] = max(counts[engine], max(touched))


def _raise(counts: list[int], others: list[int]) -> None:
    """Make every count at least the other."""
    for engine, other in enumerate(others):
        if other > counts[engine]:
            counts[engine] = other


@dataclass
class RingChunk:
    """A run of words of a ring, ``address`` to ``stop``, and the last instructions (by engine) that read it."""

    address: int
    stop: int
    after: list[tuple[Engine, int]]
    readers: list[int] = field(default_factory=lambda: [0] * ENGINES)

    def used(self, engine: Engine, count: int) -> None:
        """Note that the instruction of an engine with this count reads the chunk."""
        self.readers[engine] = max(self.readers[engine], count)


@dataclass
class Ring:
    """A buffer as a ring of chunks, each free again once the last instructions that read it have completed.

    Parameters
    ----------
    words
        What fits, in whatever the chunks are measured in.
    """

    words: int

    def __post_init__(self) -> None:
        self._next = 0
        self._chunks: list[RingChunk] = []

    def take(self, words: int) -> RingChunk:
        """A new chunk; its ``after`` are the counts to wait for before it is filled."""
        if self._next + words > self.words:
            self._next = 0
        start, stop = self._next, self._next + words
        old = [c for c in self._chunks if c.address < stop and start < c.stop]
        self._chunks = [c for c in self._chunks if all(c is not other for other in old)]
        after = [0] * ENGINES
        for chunk in old:
            _raise(after, chunk.readers)
        self._chunks.append(RingChunk(start, stop, list(zip(Engine, after, strict=True))))
        self._next = stop
        return self._chunks[-1]

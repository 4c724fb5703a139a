"""Words that remember what was written to them, and refuse who reads or writes them at the wrong time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vitaccel.ir.program import Engine

NOTHING = -1


class HazardError(AssertionError):
    """An instruction met something else than what it must, or would spoil it for another."""


@dataclass
class Touch:
    """Words of one memory (``chip``, ``ring`` or ``dram``), and the names they must hold or get."""

    memory: str
    words: np.ndarray
    names: np.ndarray


@dataclass
class Footprint:
    """What one instruction reads and writes."""

    reads: list[Touch] = field(default_factory=list)
    writes: list[Touch] = field(default_factory=list)


class Memory:
    """Words, what they hold, how many read them and which engine is writing them."""

    def __init__(self, size: int) -> None:
        self.held = np.full(size, NOTHING)
        self.readers, self.writers, self.engine = (np.zeros(size, np.int64) for _ in range(3))

    def fill(self, touch: Touch) -> None:
        self.held[touch.words] = touch.names

    def must_hold(self, touch: Touch) -> None:
        self._in_range(touch)
        wrong = np.flatnonzero((self.held[touch.words] != touch.names) | (self.writers[touch.words] > 0))
        if wrong.size:
            word, held = touch.words[wrong[0]], self.held[touch.words[wrong[0]]]
            raise HazardError(
                f"{touch.memory} word {word} must hold {touch.names[wrong[0]]:#x}, not {held:#x} "
                f"({wrong.size} of {touch.words.size} words)"
            )

    def begin_read(self, touch: Touch) -> None:
        self.must_hold(touch)
        self.readers[touch.words] += 1

    def begin_write(self, touch: Touch, engine: Engine, own: list[Touch]) -> None:
        self._in_range(touch)
        read = self.readers[touch.words].copy()
        for mine in own:
            read -= np.isin(touch.words, mine.words)
        if read.any():
            raise HazardError(f"{touch.memory} word {touch.words[read.argmax()]} must not be written while it is read")
        busy = (self.writers[touch.words] > 0) & (self.engine[touch.words] != engine)
        if busy.any():
            word = touch.words[busy.argmax()]
            raise HazardError(f"{touch.memory} word {word} must not be written by two engines at once")
        self.writers[touch.words] += 1
        self.engine[touch.words] = engine
        self.held[touch.words] = NOTHING

    def end_write(self, touch: Touch) -> None:
        self.writers[touch.words] -= 1
        self.held[touch.words] = touch.names

    def _in_range(self, touch: Touch) -> None:
        if touch.words.min() < 0 or touch.words.max() >= len(self.held):
            raise HazardError(f"{touch.memory} words must be 0 to {len(self.held) - 1}, not {touch.words.max()}")

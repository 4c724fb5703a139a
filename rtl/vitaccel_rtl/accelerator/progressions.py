"""Times that rise, most of them by the same step as the one before: kept as arithmetic progressions. Pure Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from vitaccel_rtl.accelerator.timed import State, Timed


class Progression(NamedTuple):
    """Some times, a step apart; the step of one alone is 1."""

    first: int
    step: int
    count: int


class Progressions(Timed):
    """A history of times, in the progressions that are made of it greedily from its beginning on.

    Parameters
    ----------
    bound
        How many of the last times may be asked for.
    progressions
        What it consists of at first.
    """

    def __init__(self, bound: int, progressions: Iterable[Progression] = ()) -> None:
        self.bound = bound
        self._parts: list[Progression] = []
        self._count = 0
        for each in progressions:
            self.extend(each)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        for first, step, count in self._parts:
            yield from range(first, first + step * count, step)

    def __getitem__(self, place: int) -> int:
        behind = -place if place < 0 else self._count - place
        for first, step, count in reversed(self._parts):
            if 0 < behind <= count:
                return first + step * (count - behind)
            behind -= count
        raise IndexError(f"place of a time must be one of {self._count}, not {place}")

    def append(self, time: int) -> None:
        """Add a time behind the others."""
        self._count += 1
        if self._parts:
            first, step, count = self._parts[-1]
            if count == 1:
                self._parts[-1] = Progression(first, time - first, 2)
                return
            if time == first + step * count:
                self._parts[-1] = Progression(first, step, count + 1)
                return
        self._parts.append(Progression(time, 1, 1))

    def extend(self, more: Progression) -> None:
        """Add times behind the others."""
        for place in range(min(more.count, 2)):
            self.append(more.first + more.step * place)
        rest = more.count - 2
        if rest > 0:
            # The second of them is alone now, or in a progression with this step.
            first, _, count = self._parts[-1]
            self._parts[-1] = Progression(first, more.step, count + rest)
            self._count += rest

    def since(self, cycle: int) -> State:
        chosen: list[Progression] = []
        left = self.bound
        for first, step, count in reversed(self._parts):
            kept = min(count, left, -((cycle - first - step * (count - 1)) // step))
            if kept < 1:
                break
            chosen.append(Progression(first + step * (count - kept) - cycle, step, kept))
            left -= kept
            if kept < count:
                break
        return tuple(Progressions(self.bound, reversed(chosen))._parts)

    def resume(self, state: State, cycle: int) -> None:
        self._parts = [Progression(first + cycle, step, count) for first, step, count in state]
        self._count = sum(part.count for part in self._parts)

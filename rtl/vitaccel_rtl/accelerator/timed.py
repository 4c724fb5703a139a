"""Times that can be told from any cycle on: of what happened before it, nothing matters but that it is over."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

State = tuple[Any, ...]
"""Times since a cycle: 0 for those before it, and nothing for those of a history."""


class Timed:
    """Has attributes that are times; every use of one is a maximum with later ones.

    So engines that differ only in times that are over will do the same, and what happens from a cycle on depends on the
    state of that cycle alone.

    Attributes
    ----------
    times
        Names of attributes that are a time.
    lists
        Names of lists of times, each with a meaning of its own.
    parts
        Names of attributes that are :class:`Timed`.
    """

    times: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    @property
    def histories(self) -> dict[str, int]:
        """Names of lists of times that rise, counted from their ends, and how many of each may be asked for."""
        return {}

    def since(self, cycle: int) -> State:
        """Return the state of a cycle."""
        state: list[State | int] = []
        for name in self.times:
            state.append(max(0, getattr(self, name) - cycle))
        for name in self.lists:
            state.append(tuple([max(0, time - cycle) for time in getattr(self, name)]))
        for name, bound in self.histories.items():
            state.append(_later(getattr(self, name), cycle, bound))
        for name in self.parts:
            state.append(getattr(self, name).since(cycle))
        return tuple(state)

    def resume(self, state: State, cycle: int) -> None:
        """Go on from a state, as one of such a cycle."""
        values = iter(state)
        for name in self.times:
            setattr(self, name, cycle + next(values))
        for name in (*self.lists, *self.histories):
            setattr(self, name, [cycle + time for time in next(values)])
        for name in self.parts:
            getattr(self, name).resume(next(values), cycle)


def _later(history: list[int], cycle: int, bound: int) -> State:
    """Return those of the last times of a history that come after a cycle, since then."""
    begin = max(bisect_right(history, cycle), len(history) - bound)
    return tuple([time - cycle for time in history[begin:]])

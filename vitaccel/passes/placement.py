"""Addresses for things that need words of a buffer for a while: no two that live at the same time share a word."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar


class Lodger(Protocol):
    """Something that needs ``words`` from kernel ``first`` to ``last``."""

    @property
    def words(self) -> int:
        """How many."""

    @property
    def first(self) -> int:
        """Index of the first kernel that touches them."""

    @property
    def last(self) -> int:
        """Index of the last kernel that touches them."""


L = TypeVar("L", bound=Lodger)

NEVER = -1
"""Last kernel of words that nothing has used."""


def place(items: Iterable[L], capacity: int) -> dict[L, int] | L:
    """First word of every item, or the item that found no room.

    Words that have rested longest come first, since who takes them has nothing to wait for; where that leaves gaps too
    small for somebody, the lowest words that are free, in order of time or of size.
    """
    waiting = list(items)
    by_time = sorted(waiting, key=lambda item: (item.first, -item.words))
    by_size = sorted(waiting, key=lambda item: (-item.words, item.first))
    tries: tuple[Callable[[], dict[L, int] | L], ...] = (
        lambda: _most_rested(by_time, capacity),
        lambda: _lowest(by_time, capacity),
        lambda: _lowest(by_size, capacity),
    )
    for attempt in tries:
        found = attempt()
        if isinstance(found, dict):
            break
    return found


def _most_rested(items: list[L], capacity: int) -> dict[L, int] | L:
    """In order of time, each item on the words whose last use is longest ago; the lowest of equals."""
    addresses: dict[L, int] = {}
    runs = [(0, capacity, NEVER)]  # first word, word behind the last, last kernel that uses them
    for item in items:
        rested = [(_last_use(runs, at, item.words), start) for at, (start, _, _) in enumerate(runs)]
        free = [(used, start) for used, start in rested if used < item.first and start + item.words <= capacity]
        if not free:
            return item
        start = addresses[item] = min(free)[1]
        runs = sorted([*_without(runs, start, start + item.words), (start, start + item.words, item.last)])
    return addresses


def _last_use(runs: list[tuple[int, int, int]], at: int, words: int) -> int:
    """The last kernel that uses any of so many words from the start of a run on."""
    stop, latest = runs[at][0] + words, NEVER
    for start, _, used in runs[at:]:
        if start >= stop:
            break
        latest = max(latest, used)
    return latest


def _without(runs: list[tuple[int, int, int]], start: int, stop: int) -> list[tuple[int, int, int]]:
    """What is left of runs of words when some are taken out."""
    left = [(low, min(high, start), used) for low, high, used in runs if low < start]
    right = [(max(low, stop), high, used) for low, high, used in runs if high > stop]
    return left + right


def _lowest(items: list[L], capacity: int) -> dict[L, int] | L:
    """In the order given, each item on the lowest words that are free as long as it lives (first fit)."""
    addresses: dict[L, int] = {}
    for item in items:
        at = 0
        alive = (
            (address, address + other.words)
            for other, address in addresses.items()
            if other.first <= item.last and item.first <= other.last
        )
        for start, stop in sorted(alive):
            if start - at >= item.words:
                break
            at = max(at, stop)
        if at + item.words > capacity:
            return item
        addresses[item] = at
    return addresses

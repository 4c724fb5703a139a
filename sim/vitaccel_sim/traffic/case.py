"""Words for a block and what it must make of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Word = Mapping[str, Any] | int
"""A payload by field, as `vitaccel_sim.bench.payload.pack` takes it. A payload that is no struct is an integer."""

Ports = Mapping[str, int]
"""Values of input ports beside the streams, for one cycle."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Words in, words out.

    Parameters
    ----------
    words
        What is sent, in order.
    expected
        What must come out, in order, from the reference.
    hits
        How often the words meet each bin that the block's traffic declares; they count only if the bench passes.
    first_row
        Words up to and with the one that the first result answers: 1, or the length of the first row where a block
        makes one word of a row. From its acceptance ``latency_cycles`` are counted.
    """

    words: Sequence[Word]
    expected: Sequence[Word]
    hits: Counter[str] = field(default_factory=Counter)
    first_row: int = 1

    def __add__(self, other: Case) -> Case:
        """Return the words of both, one after the other."""
        return Case(
            words=[*self.words, *other.words],
            expected=[*self.expected, *other.expected],
            hits=self.hits + other.hits,
            first_row=self.first_row,
        )


def _no_setup(_: Mapping[str, int]) -> Sequence[Ports]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """How a block is tried.

    Parameters
    ----------
    block
        Its name in `vitaccel.backends.rtl.catalog`.
    points
        Options, five or more; the first ones are small. Between them they take every option to its ends of interest.
    bins
        What words must meet between them, over all points: ``saturated above``, ``a row of masked keys``.
    directed
        From options to the words of the extremes.
    random
        From options, a source of random numbers and lengths of rows (or tiles, or bursts) to random words.
    setup
        From options to the values of the other input ports, a mapping a cycle, before the first word is sent: how a
        memory is loaded. Before those cycles, after them and where a mapping does not name it, a port is 0.
    """

    block: str
    points: tuple[Mapping[str, int], ...]
    bins: tuple[str, ...]
    directed: Callable[[Mapping[str, int]], Case]
    random: Callable[[Mapping[str, int], random.Random, Iterable[int]], Case]
    setup: Callable[[Mapping[str, int]], Sequence[Ports]] = _no_setup

    def __post_init__(self) -> None:
        if len(self.points) < LEAST_POINTS:
            raise ValueError(f"points of {self.block} must be {LEAST_POINTS} or more, not {len(self.points)}")
        if len(set(self.bins)) != len(self.bins):
            raise ValueError(f"bins of {self.block} must be declared once each")

    def lanes(self, point: Mapping[str, int]) -> int:
        """Lanes at a point: P."""
        return point.get("lanes", point.get("side", 1))


LEAST_POINTS = 5


def lengths_of(lanes: int) -> tuple[int, ...]:
    """Lengths of rows that every block is tried with under every pair of profiles: 1, P - 1, P and P + 3."""
    return tuple(sorted({1, max(1, lanes - 1), lanes, lanes + 3}))


LONG_LENGTHS = (197, 577)
"""Lengths of rows of real models, no multiples of P."""

"""Integers that words are made of: random ones of every length, and sweeps laid out over lanes."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence


def ends(bits: int) -> tuple[int, int]:
    """Return the smallest and the largest signed integer of *bits* bits."""
    return -(1 << bits - 1), (1 << bits - 1) - 1


def some_int(rng: random.Random, bits: int) -> int:
    """Return a signed integer of *bits* bits: an end of the range, or of a random length."""
    low, high = ends(bits)
    if rng.random() < 0.2:
        return rng.choice((low, high, 0, -1, 1))
    length = rng.randint(1, bits - 1)
    return rng.choice((1, -1)) * rng.randrange(1 << length)


def grouped(values: Sequence[int], lanes: int) -> list[list[int]]:
    """Return *values* side by side, P a word; the last word is filled up with the first value."""
    filled = [*values, *[values[0]] * (-len(values) % lanes)]
    return [filled[n : n + lanes] for n in range(0, len(filled), lanes)]


def thinned(values: Sequence[int], most: int) -> list[int]:
    """Return every n-th of *values*, with the least n that leaves at most so many."""
    return list(values[:: -(-len(values) // most)])


def row_ends(lengths: Iterable[int]) -> Iterator[int]:
    """Yield ``last`` of the words of rows of these lengths, one after another."""
    for length in lengths:
        yield from (int(place == length - 1) for place in range(length))


def every_fifth(count: int) -> list[int]:
    """Return ``last`` of so many words in rows of five, of which the last may be cut short."""
    return [int(n % 5 == 4) for n in range(count)]


MOST_WORDS = 400
"""Of a directed case: a cocotb bench takes it word by word under many profiles."""

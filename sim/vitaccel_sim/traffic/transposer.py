"""Tiles for the transposer: numbers that tell their places, ends of the range, words that end a row or do not."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from vitaccel_sim.traffic.case import Case, Traffic
from vitaccel_sim.traffic.values import ends, some_int

Tile = list[list[int]]
"""P words of P elements."""

BINS = (
    "the smallest number",
    "the largest number",
    "a tile whose elements all differ from their mirror images",
    "a tile that ends a row",
    "a tile that does not",
    "a word before the P-th with last",
)


def case(options: Mapping[str, int], tiles: Sequence[Tile], lasts: Sequence[int]) -> Case:
    """Return the words of tiles, of which those with a set bit in *lasts* end a row, and their columns.

    In a tile without it, words before the P-th have a ``last`` that nobody may read.
    """
    side = options["side"]
    least, most = ends(options["width"])
    met: Counter[str] = Counter()
    words, expected = [], []
    for tile, last in zip(tiles, lasts, strict=True):
        numbers = [number for row in tile for number in row]
        met["the smallest number"] += least in numbers
        met["the largest number"] += most in numbers
        met["a tile whose elements all differ from their mirror images"] += all(
            tile[w][c] != tile[c][w] for w in range(side) for c in range(w)
        )
        met["a tile that ends a row" if last else "a tile that does not"] += 1
        met["a word before the P-th with last"] += not last
        for place, row in enumerate(tile):
            is_end = place == side - 1
            words.append({"lanes": row, "last": last if is_end else 1 - last})
            expected.append({"lanes": [other[place] for other in tile], "last": last if is_end else 0})
    return Case(words=words, expected=expected, hits=met, first_row=side)


def counting_tile(side: int, width: int, start: int) -> Tile:
    """Return numbers in a row from *start*, as many as *width* bits tell apart."""
    least, _ = ends(width)
    return [[least + (start + word * side + lane) % (1 << width) for lane in range(side)] for word in range(side)]


def directed(options: Mapping[str, int]) -> Case:
    """Return tiles of counted numbers, then with their bits turned over, then of both ends of the range."""
    side, width = options["side"], options["width"]
    least, most = ends(width)
    tiles = [counting_tile(side, width, start) for start in (0, 1)]
    tiles += [[[-1 - number for number in row] for row in tile] for tile in tiles]
    tiles += [[[most if lane == word else least for lane in range(side)] for word in range(side)]]
    tiles += [[[most if lane > word else least for lane in range(side)] for word in range(side)]]
    return case(options, tiles, [n % 3 == 1 for n in range(len(tiles))])


def some_tiles(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> Case:
    """Return random tiles, as many as the words of each length need."""
    side, width = options["side"], options["width"]
    count = sum(-(-length // side) for length in lengths)
    tiles = [[[some_int(rng, width) for _ in range(side)] for _ in range(side)] for _ in range(count)]
    return case(options, tiles, [rng.randint(0, 1) for _ in range(count)])


TRANSPOSER = Traffic(
    block="transposer",
    points=tuple(
        {"side": side, "width": width} for side, width in ((4, 8), (2, 16), (3, 8), (5, 17), (8, 8), (16, 5), (32, 8))
    ),
    bins=BINS,
    directed=directed,
    random=some_tiles,
)

"""Sums of two streams: the ends of both, what saturates, and what only just does not."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import torch

from vitaccel.reference.residual import ResidualAdd
from vitaccel_sim.traffic.case import Case, Traffic
from vitaccel_sim.traffic.values import ends, every_fifth, row_ends, some_int

Pair = tuple[int, int]
"""An update and a residual."""

BINS = (
    "saturated above",
    "saturated below",
    "the largest sum that fits",
    "the smallest sum that fits",
    "one above the largest",
    "one below the smallest",
    "both the largest",
    "both the smallest",
    "a sum of zero",
)


def extreme_pairs(options: Mapping[str, int]) -> list[Pair]:
    """Return all pairs of ends and small numbers, and every pair of two powers of two or their opposites."""
    sides = []
    for width in (options["update_bits"], options["bits"]):
        low, high = ends(width)
        sides.append(tuple(dict.fromkeys((low, low + 1, -1, 0, 1, high - 1, high))))
    single = [sign << place for place in range(min(options["bits"], options["update_bits"]) - 1) for sign in (1, -1)]
    low, high = ends(options["bits"])
    carries = [(bit, bit) for bit in single]
    # A sum that is an end of the range, and the neighbours of it outside.
    edges = [(1, high - 1), (1, high), (-1, low + 1), (-1, low)]
    return [*itertools.product(*sides), *carries, *edges]


def case(options: Mapping[str, int], pairs: Sequence[Pair], lasts: Iterable[int]) -> Case:
    """Return words of these pairs, P a word, with their sums; the last word is filled up with the first pair."""
    lanes, bits = options["lanes"], options["bits"]
    filled = [*pairs, *[pairs[0]] * (-len(pairs) % lanes)]
    update, residual = torch.tensor(filled).reshape(-1, lanes, 2).unbind(-1)
    rows = zip(update.tolist(), residual.tolist(), lasts, strict=False)
    words = [{"lanes": lane, "residual": other, "last": last} for lane, other, last in rows]
    sums = ResidualAdd(bits).compute(update, residual).tolist()
    met: Counter[str] = Counter()
    (low, high), widest = ends(bits), ends(options["update_bits"])
    for a, b in filled:
        met["saturated above"] += a + b > high
        met["saturated below"] += a + b < low
        met["the largest sum that fits"] += a + b == high
        met["the smallest sum that fits"] += a + b == low
        met["one above the largest"] += a + b == high + 1
        met["one below the smallest"] += a + b == low - 1
        met["both the largest"] += (a, b) == (widest[1], high)
        met["both the smallest"] += (a, b) == (widest[0], low)
        met["a sum of zero"] += a + b == 0
    expected = [{"lanes": lane, "last": word["last"]} for lane, word in zip(sums, words, strict=True)]
    return Case(words=words, expected=expected, hits=met)


def _directed(options: Mapping[str, int]) -> Case:
    pairs = extreme_pairs(options)
    return case(options, pairs, every_fifth(len(pairs)))


def _random(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> Case:
    lasts = list(row_ends(lengths))
    count = len(lasts) * options["lanes"]
    pairs = [(some_int(rng, options["update_bits"]), some_int(rng, options["bits"])) for _ in range(count)]
    return case(options, pairs, lasts)


RESIDUAL = Traffic(
    block="residual",
    points=(
        {"lanes": 4, "bits": 16, "update_bits": 16},
        {"lanes": 3, "bits": 8, "update_bits": 8},
        {"lanes": 1, "bits": 16, "update_bits": 48},
        {"lanes": 5, "bits": 32, "update_bits": 32},
        {"lanes": 2, "bits": 16, "update_bits": 2},
        {"lanes": 8, "bits": 16, "update_bits": 16},
    ),
    bins=BINS,
    directed=_directed,
    random=_random,
)

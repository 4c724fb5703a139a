"""Sums of every length, those that tell every entry of the table from its neighbours, and factors of layers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from vitaccel.reference.exp2 import NUMERATOR_FRACTION
from vitaccel.reference.fixed_point import round_shift
from vitaccel.reference.reciprocal import ARGUMENT_FRACTION, MANTISSA_BITS, SUM_BITS, Reciprocal
from vitaccel.reference.softmax import NUMERATOR_FRACTIONS, RECIPROCAL, WIDEST_EXPONENT
from vitaccel_sim.traffic.case import Case, Traffic, Word
from vitaccel_sim.traffic.values import MOST_WORDS, every_fifth, grouped, row_ends

LEAST_SUM = NUMERATOR_FRACTION - 1
"""The highest bit of the smallest sum of a softmax: half of the largest numerator, after a last rise of m."""

LEAST_FACTOR, MOST_FACTOR = 1 << MANTISSA_BITS - 1, (1 << MANTISSA_BITS) - 1
LONGEST_SHIFT = 36


def octaves(first: int, last: int) -> list[int]:
    """Return both ends of every octave; *first* and *last* are places of a highest bit."""
    return list(dict.fromkeys(v for k in range(first, last + 1) for v in (1 << k, (2 << k) - 1)))


def ends_of_intervals(spec: Reciprocal, last: int = SUM_BITS - 1) -> list[int]:
    """Return both ends of every interval of the table and what is near them, at all lengths up to a place of *last*.

    There a Newton step hides least of its entry: its slope is the error of the entry, which is 0 in the middle. All
    first ends come first, then all last ones, then what is a little further in.
    """
    size = 1 << ARGUMENT_FRACTION - spec.index_bits
    count = 1 << spec.index_bits
    return [
        ((count + interval) * size + place) << (interval % (last + 1 - ARGUMENT_FRACTION))
        for place in (0, size - 1, size // 64, size - 1 - size // 64, size // 8, size - 1 - size // 8)
        for interval in range(count)
    ]


def _some_sum(rng: random.Random, first: int, last: int) -> int:
    place = rng.randint(first, last)
    return 1 << place | rng.randrange(1 << place)


def _sum_hits(totals: Sequence[Sequence[int]]) -> Counter[str]:
    met: Counter[str] = Counter()
    for total in (total for lanes in totals for total in lanes):
        place = total.bit_length() - 1
        entry = (total << RECIPROCAL.index_bits >> place) - (1 << RECIPROCAL.index_bits)
        met[f"the highest bit at {place}"] += 1
        met["a power of two"] += total == 1 << place
        met["one below a power of two"] += total + 1 == 2 << place
        met["the first entry"] += entry == 0
        met["the last entry"] += entry == (1 << RECIPROCAL.index_bits) - 1
    return met


SUM_BINS = ("a power of two", "one below a power of two", "the first entry", "the last entry")

# ---------------------------------------------------------------------------------------------------------- reciprocal


def reciprocal_case(totals: Sequence[Sequence[int]], lasts: Iterable[int]) -> Case:
    """Return words of these sums with their reciprocals."""
    mantissa, exponent = RECIPROCAL.compute(torch.tensor(totals))
    rows = list(zip(totals, mantissa.tolist(), exponent.tolist(), lasts, strict=True))
    return Case(
        words=[{"lanes": list(lanes), "last": last} for lanes, _, _, last in rows],
        expected=[{"mantissa": m, "exponent": k, "last": last} for _, m, k, last in rows],
        hits=_sum_hits(totals),
    )


def _reciprocal_directed(options: Mapping[str, int]) -> Case:
    totals = _spread(options["lanes"], 0, SUM_BITS - 1)
    return reciprocal_case(totals, every_fifth(len(totals)))


def _reciprocal_random(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> Case:
    lasts = list(row_ends(lengths))
    totals = [[_some_sum(rng, 0, SUM_BITS - 1) for _ in range(options["lanes"])] for _ in lasts]
    return reciprocal_case(totals, lasts)


def _spread(lanes: int, first: int, last: int) -> list[list[int]]:
    """Return the ends of octaves and as many ends of intervals as a directed case has room for, P a word."""
    return grouped([*octaves(first, last), *ends_of_intervals(RECIPROCAL, last)][: MOST_WORDS * lanes], lanes)


# ---------------------------------------------------------------------------------------------------------- row factor


def row_factor_case(options: Mapping[str, int], words: Sequence[Mapping[str, Any]]) -> Case:
    """Return these sums and factors of layers with the factors of their rows."""
    total = torch.tensor([word["lanes"] for word in words])
    multiplier, shift = (torch.tensor([[word[name]] for word in words]) for name in ("multiplier", "shift"))
    mantissa, k = RECIPROCAL.compute(total)
    factors = round_shift(mantissa * multiplier, MANTISSA_BITS)
    places = k + shift + NUMERATOR_FRACTIONS[options["bits"]] - NUMERATOR_FRACTION
    met = _sum_hits(total.tolist())
    met["the smallest multiplier"] = int((multiplier == LEAST_FACTOR).sum())
    met["the largest multiplier"] = int((multiplier == MOST_FACTOR).sum())
    met["no shift"] = int((shift == 0).sum())
    met["the longest shift"] = int((shift == LONGEST_SHIFT).sum())
    met["a shift of 63 comes out"] = int((places == 63).sum())
    met["a half is rounded up"] = int(((mantissa * multiplier) % LEAST_FACTOR == 0).sum())
    rows = zip(factors.tolist(), places.tolist(), words, strict=True)
    expected: list[Word] = [{"multiplier": m, "shift": s, "last": word["last"]} for m, s, word in rows]
    return Case(words=words, expected=expected, hits=met)


def _row_factor_directed(options: Mapping[str, int]) -> Case:
    totals = _spread(options["lanes"], LEAST_SUM, WIDEST_EXPONENT)[: MOST_WORDS - 2]
    multipliers = (LEAST_FACTOR, MOST_FACTOR, LEAST_FACTOR + 1, 3 << MANTISSA_BITS - 2, MOST_FACTOR - 1)
    shifts = (0, LONGEST_SHIFT, 1, 14, 18, 31, 32)
    words = [
        {"lanes": lanes, "multiplier": multipliers[n % 5], "shift": shifts[n % 7], "last": last}
        for n, (lanes, last) in enumerate(zip(totals, every_fifth(len(totals)), strict=True))
    ]
    # The sum with the widest exponent, and a layer's longest shift.
    words.append({"lanes": totals[0][:1] * options["lanes"], "multiplier": LEAST_FACTOR, "shift": 0, "last": 0})
    widest = [(2 << WIDEST_EXPONENT) - 1] * options["lanes"]
    words.append({"lanes": widest, "multiplier": MOST_FACTOR, "shift": LONGEST_SHIFT, "last": 1})
    return row_factor_case(options, words)


def _row_factor_random(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> Case:
    words = [
        {
            "lanes": [_some_sum(rng, LEAST_SUM, WIDEST_EXPONENT) for _ in range(options["lanes"])],
            "multiplier": rng.randint(LEAST_FACTOR, MOST_FACTOR),
            "shift": rng.randint(0, LONGEST_SHIFT),
            "last": last,
        }
        for last in row_ends(lengths)
    ]
    return row_factor_case(options, words)


RECIPROCALS = Traffic(
    block="reciprocal",
    points=tuple({"lanes": lanes} for lanes in (4, 3, 1, 5, 8)),
    bins=(*(f"the highest bit at {place}" for place in range(SUM_BITS)), *SUM_BINS),
    directed=_reciprocal_directed,
    random=_reciprocal_random,
)

ROW_FACTOR = Traffic(
    block="row-factor",
    points=tuple({"lanes": lanes, "bits": bits} for lanes, bits in ((4, 8), (3, 12), (1, 16), (5, 8), (8, 16))),
    bins=(
        *(f"the highest bit at {place}" for place in range(LEAST_SUM, WIDEST_EXPONENT + 1)),
        *SUM_BINS,
        "the smallest multiplier",
        "the largest multiplier",
        "no shift",
        "the longest shift",
        "a shift of 63 comes out",
        "a half is rounded up",
    ),
    directed=_row_factor_directed,
    random=_row_factor_random,
)

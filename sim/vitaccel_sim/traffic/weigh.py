"""Results and factors for the weighing lanes: every end of each, halves at every shift, and what saturates."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from vitaccel.reference.fixed_point import round_shift, saturate
from vitaccel_sim.bench.routed import MULTIPLIERS, RESULTS, SCORE_BITS, SCORES, SHIFTS
from vitaccel_sim.traffic.case import Case, Traffic, Word
from vitaccel_sim.traffic.values import ends, every_fifth, row_ends, some_int

UPDATE_BITS = 17

FACTORS = tuple(dict.fromkeys(score * multiplier for score in SCORES for multiplier in MULTIPLIERS))

BINS = (
    "a score of zero or a multiplier of zero",
    "the largest score times the smallest multiplier",
    "the largest score times the largest multiplier",
    "saturated above",
    "saturated below",
    "a half above zero",
    "a half below zero",
    "no shift",
    "the longest shift",
    "lanes of one word differ in sign",
)


def case(words: Sequence[Word]) -> Case:
    """Return these words with what must come out: an update of a sum, saturated to a bit more than the sum has."""
    results, factors = (torch.tensor([word[name] for word in words]) for name in ("lanes", "factors"))
    shifts = torch.tensor([word["shift"] + SCORE_BITS for word in words])[:, None]
    products = results * factors
    updates = round_shift(products, shifts)
    codes = saturate(updates, UPDATE_BITS).tolist()
    expected = [{"lanes": lanes, "last": word["last"]} for lanes, word in zip(codes, words, strict=True)]
    return Case(words=words, expected=expected, hits=_met(factors, shifts, products, updates))


def _met(factors: torch.Tensor, shifts: torch.Tensor, products: torch.Tensor, updates: torch.Tensor) -> Counter[str]:
    low, high = ends(UPDATE_BITS)
    halves = (products & ((1 << shifts) - 1)) == 1 << (shifts - 1)
    met = {
        "a score of zero or a multiplier of zero": factors == 0,
        "the largest score times the smallest multiplier": factors == SCORES[-1] * MULTIPLIERS[0],
        "the largest score times the largest multiplier": factors == SCORES[-1] * MULTIPLIERS[-1],
        "saturated above": updates > high,
        "saturated below": updates < low,
        "a half above zero": halves & (products > 0),
        "a half below zero": halves & (products < 0),
        "no shift": shifts == SCORE_BITS,
        "the longest shift": shifts == SCORE_BITS + SHIFTS[-1],
        "lanes of one word differ in sign": (products > 0).any(-1) & (products < 0).any(-1),
    }
    return Counter({name: int(where.sum()) for name, where in met.items()})


def extreme_words(options: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return every pair of a factor and a result at the ends, with shifts in turn, then halves at every shift."""
    lanes = options["lanes"]
    pairs = list(itertools.product(FACTORS, RESULTS))
    pairs += pairs[: -len(pairs) % lanes]
    words = [
        {
            "lanes": [result for _, result in pairs[n : n + lanes]],
            "factors": [factor for factor, _ in pairs[n : n + lanes]],
            "shift": SHIFTS[n // lanes % len(SHIFTS)],
        }
        for n in range(0, len(pairs), lanes)
    ]
    words += _halves(lanes)
    return [{**word, "last": last} for word, last in zip(words, every_fifth(len(words)), strict=True)]


def _halves(lanes: int) -> list[dict[str, Any]]:
    """Return odd multiples of a half, and what is one below, at every shift up to 16: factors are powers of two."""
    odd = itertools.cycle((1, -1, 3, -3, 5, -5))
    words = []
    for shift in range(17):
        below = shift % 2
        results = [next(odd) for _ in range(lanes)]
        factor = 1 << SCORE_BITS - 1 + shift
        words.append({"lanes": results, "factors": [factor - below] * lanes, "shift": shift})
        words.append({"lanes": results, "factors": [factor] * lanes, "shift": shift})
    return words


def some_words(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> list[dict[str, Any]]:
    """Return random words, most with a shift that brings products near the range of an update."""
    lanes = options["lanes"]

    def factor() -> int:
        return rng.choice(FACTORS) if rng.random() < 0.2 else some_int(rng, 18) * rng.randrange(1 << SCORE_BITS)

    return [
        {
            "lanes": [some_int(rng, 16) for _ in range(lanes)],
            "factors": [factor() for _ in range(lanes)],
            "shift": rng.randint(0, 18) if rng.random() < 0.7 else rng.choice(SHIFTS),
            "last": last,
        }
        for last in row_ends(lengths)
    ]


WEIGH = Traffic(
    block="weigh",
    points=tuple({"lanes": lanes} for lanes in (4, 1, 3, 8, 16)),
    bins=BINS,
    directed=lambda options: case(extreme_words(options)),
    random=lambda options, rng, lengths: case(some_words(options, rng, lengths)),
)

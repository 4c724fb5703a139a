"""Logits at every distance from m that counts, at every m, and far below."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import torch

from vitaccel.reference.exp2 import OCTAVES
from vitaccel.reference.softmax import POWERS
from vitaccel_sim.traffic.case import Case, Traffic
from vitaccel_sim.traffic.values import ends, every_fifth, row_ends

LOWEST, HIGHEST = ends(16)
Pair = tuple[int, int]
"""A logit and an m not below it."""

BINS = (
    *(f"shifted by {octave}" for octave in range(OCTAVES)),
    "a numerator of zero",
    "the largest numerator",
    "the smallest logit",
    "the largest logit",
    "the smallest m",
    "the largest m",
    "the longest distance",
)


def some_pairs(rng: random.Random, fraction_bits: int, count: int) -> list[Pair]:
    """Return logits with an m, most of them within the octaves that count."""
    top = 1 << 15 - fraction_bits
    pairs = []
    for _ in range(count):
        y = rng.choice((LOWEST, HIGHEST, 0)) if rng.random() < 0.1 else rng.randint(LOWEST, HIGHEST)
        highest = rng.random() < 0.05
        pairs.append((y, top if highest else min(top, -(-y >> fraction_bits) + rng.randint(0, OCTAVES + 1))))
    return pairs


def extreme_pairs(fraction_bits: int) -> list[Pair]:
    """Return every fraction within an octave of m, the ends of the other octaves, and the ends of the ranges."""
    one, top = 1 << fraction_bits, 1 << 15 - fraction_bits
    distances = [
        *range(one + 1),
        *(octave * one + d for octave in range(2, OCTAVES + 1) for d in (-one // 2, -1, 0, 1)),
    ]
    centre = (0, 1, -1, 3)
    pairs = [(centre[n % 4] * one - distance, centre[n % 4]) for n, distance in enumerate(distances)]
    return [*pairs, (LOWEST, top), (HIGHEST, top), (LOWEST, -top), (LOWEST + 1, 1 - top), (0, 0), (-1, 0), (1, 1)]


def case(options: Mapping[str, int], pairs: Sequence[Pair], lasts: Iterable[int]) -> Case:
    """Return words of these pairs, P a word, with what must come out; the last word is filled up with the first."""
    lanes, fraction_bits = options["lanes"], options["fraction_bits"]
    filled = [*pairs, *[pairs[0]] * (-len(pairs) % lanes)]
    words = [filled[n : n + lanes] for n in range(0, len(filled), lanes)]
    y, m = torch.tensor(words).unbind(-1)
    numerators = POWERS[fraction_bits].compute(y, m)
    rows = list(zip(words, numerators.tolist(), lasts, strict=False))
    distance = (m << fraction_bits) - y
    shift = -(-distance >> fraction_bits)
    top = 1 << 15 - fraction_bits
    met = Counter({f"shifted by {octave}": int((shift == octave).sum()) for octave in range(OCTAVES)})
    met["a numerator of zero"] = int((numerators == 0).sum())
    met["the largest numerator"] = int((distance == 0).sum())
    met["the smallest logit"] = int((y == LOWEST).sum())
    met["the largest logit"] = int((y == HIGHEST).sum())
    met["the smallest m"] = int((m == -top).sum())
    met["the largest m"] = int((m == top).sum())
    met["the longest distance"] = int((distance == 2 * -LOWEST).sum())
    return Case(
        words=[{"lanes": [y for y, _ in word], "m": [m for _, m in word], "last": last} for word, _, last in rows],
        expected=[{"lanes": lanes, "last": last} for _, lanes, last in rows],
        hits=met,
    )


def _directed(options: Mapping[str, int]) -> Case:
    pairs = extreme_pairs(options["fraction_bits"])
    return case(options, pairs, every_fifth(len(pairs)))


def _random(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> Case:
    lasts = list(row_ends(lengths))
    return case(options, some_pairs(rng, options["fraction_bits"], len(lasts) * options["lanes"]), lasts)


EXP2 = Traffic(
    block="exp2",
    points=(
        {"lanes": 4, "fraction_bits": 6},
        {"lanes": 3, "fraction_bits": 8},
        {"lanes": 1, "fraction_bits": 6},
        {"lanes": 1, "fraction_bits": 8},
        {"lanes": 5, "fraction_bits": 6},
        {"lanes": 8, "fraction_bits": 8},
    ),
    bins=BINS,
    directed=_directed,
    random=_random,
)

"""Rows of logits with the reciprocals of their sums, every exponent, and products at the edge of rounding up."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import torch

from vitaccel.reference.fixed_point import round_shift, saturate
from vitaccel.reference.reciprocal import MANTISSA_BITS
from vitaccel.reference.softmax import MASKED, RECIPROCAL, WIDEST_EXPONENT, OnlineSoftmax
from vitaccel_sim.traffic.case import Case, Traffic, Word
from vitaccel_sim.traffic.reciprocal import LEAST_SUM
from vitaccel_sim.traffic.softmax import RowBlock, extreme_blocks, random_blocks, row_words
from vitaccel_sim.traffic.values import MOST_WORDS

PROBABILITY_BITS = 16
SMALLEST_MANTISSA, LARGEST_MANTISSA = 1 << MANTISSA_BITS - 1, (1 << MANTISSA_BITS) - 1


def row_case_words(options: Mapping[str, int], blocks: Iterable[RowBlock]) -> list[Word]:
    """Return the words of rows: logits, and what the statistics and the reciprocal make of them."""
    spec = OnlineSoftmax(options["fraction_bits"])
    words: list[Word] = []
    for rows in blocks:
        m, total = spec.statistics(torch.tensor(rows))
        mantissa, exponent = RECIPROCAL.compute(total)
        words += row_words(rows, m=m.tolist(), mantissa=mantissa.tolist(), exponent=exponent.tolist())
    return words


def probability_case(options: Mapping[str, int], words: Sequence[Word]) -> Case:
    """Return words with the probabilities that the reference makes of them."""
    spec = OnlineSoftmax(options["fraction_bits"])
    y, m, mantissa, exponent = (
        torch.tensor([word[name] for word in words]) for name in ("lanes", "m", "mantissa", "exponent")
    )
    n = spec.numerators(y.unsqueeze(-1), m).squeeze(-1)
    product, shift = n * mantissa, exponent + MANTISSA_BITS - PROBABILITY_BITS
    rounded = round_shift(product, shift)
    out = saturate(rounded, PROBABILITY_BITS, signed=False)
    behind = product & ((1 << shift) - 1)
    lowest = MASKED >> spec.fraction_bits
    met = Counter({f"exponent {k}": int((exponent == k).sum()) for k in range(LEAST_SUM, WIDEST_EXPONENT + 1)})
    met["1 saturates"] = int((rounded > out).sum())
    met["the largest probability"] = int((rounded == (1 << PROBABILITY_BITS) - 1).sum())
    met["nothing is left"] = int(((rounded == 0) & (n > 0)).sum())
    met["a half is rounded up"] = int(((behind == 1 << shift - 1) & (n > 0)).sum())
    met["just below a half"] = int(((behind >= (1 << shift - 1) - LARGEST_MANTISSA) & (behind < 1 << shift - 1)).sum())
    met["a masked key"] = int(((y == MASKED) & (m > lowest)).sum())
    met["a key of a row of masked ones"] = int(((y == MASKED) & (m == lowest)).sum())
    expected: list[Word] = [
        {"lanes": lanes, "last": word["last"]} for lanes, word in zip(out.tolist(), words, strict=True)
    ]
    return Case(words=words, expected=expected, hits=met)


def _directed(options: Mapping[str, int]) -> Case:
    """Every exponent with the ends of the mantissa and powers of two, then rows at the ends of their range."""
    lanes = options["lanes"]
    pairs = [
        (octaves, mantissa, exponent)
        for exponent in range(LEAST_SUM, WIDEST_EXPONENT + 1)
        for octaves, mantissa in ((0, SMALLEST_MANTISSA), (0, LARGEST_MANTISSA), (1, SMALLEST_MANTISSA + 1))
    ]
    pairs += [(octaves, LARGEST_MANTISSA, LEAST_SUM + octaves % 14) for octaves in range(16)]
    # The largest probability, and a half that is all there is.
    pairs += [(0, LARGEST_MANTISSA - 1, LEAST_SUM + 1), (15, SMALLEST_MANTISSA, LEAST_SUM + 2)]
    pairs += pairs[: -len(pairs) % lanes]
    one = 1 << options["fraction_bits"]
    words: list[Word] = []
    for place in range(0, len(pairs), lanes):
        group = pairs[place : place + lanes]
        words.append(
            {
                "lanes": [-octaves * one for octaves, _, _ in group],
                "m": [0] * lanes,
                "mantissa": [mantissa for _, mantissa, _ in group],
                "exponent": [exponent for _, _, exponent in group],
                "last": int(place % 5 == 0),
            }
        )
    rows = row_case_words(options, [[[0]] * lanes, *extreme_blocks(options)])
    return probability_case(options, [*words, *rows][:MOST_WORDS])


def _random(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> Case:
    return probability_case(options, row_case_words(options, random_blocks(options, rng, lengths)))


PROBABILITY = Traffic(
    block="probability",
    points=(
        {"lanes": 4, "fraction_bits": 6},
        {"lanes": 3, "fraction_bits": 8},
        {"lanes": 1, "fraction_bits": 8},
        {"lanes": 5, "fraction_bits": 6},
        {"lanes": 8, "fraction_bits": 8},
    ),
    bins=(
        *(f"exponent {k}" for k in range(LEAST_SUM, WIDEST_EXPONENT + 1)),
        "1 saturates",
        "the largest probability",
        "nothing is left",
        "a half is rounded up",
        "just below a half",
        "a masked key",
        "a key of a row of masked ones",
    ),
    directed=_directed,
    random=_random,
)

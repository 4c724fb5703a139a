"""Rows of codes for LayerNorm: normal, constant, at the ends, a spike; their moments and factors."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch

from vitaccel.reference.layernorm import EPSILON_LIMIT, MOST_CHANNELS
from vitaccel_sim.traffic.case import Case, Traffic, Word
from vitaccel_sim.traffic.rsqrt import SPEC, telling
from vitaccel_sim.traffic.values import MOST_WORDS, ends, every_fifth, grouped, row_ends

LOWEST, HIGHEST = ends(16)
KINDS = ("normal", "uniform", "constant", "ends", "spike")
MOST_TOTAL, MOST_SQUARES = MOST_CHANNELS * -LOWEST, MOST_CHANNELS * LOWEST**2
SQUARES_BITS = MOST_SQUARES.bit_length() - 1

Row = list[int]
RowBlock = list[Row]

# ---------------------------------------------------------------------------------------------------------------- rows


def row(rng: random.Random, kind: str, channels: int) -> Row:
    """Return codes of a kind of row."""
    if kind == "constant":
        return [rng.choice((LOWEST, HIGHEST, 0, rng.randint(LOWEST, HIGHEST)))] * channels
    if kind == "ends":
        return [rng.choice((LOWEST, HIGHEST)) for _ in range(channels)]
    if kind == "spike":
        values = [rng.choice((LOWEST, HIGHEST))] * channels
        values[rng.randrange(channels)] = rng.choice((LOWEST, HIGHEST))
        return values
    if kind == "uniform":
        return [rng.randint(LOWEST, HIGHEST) for _ in range(channels)]
    mean, deviation = rng.uniform(-9000, 9000), rng.uniform(1, 6000)
    return [max(LOWEST, min(HIGHEST, round(rng.gauss(mean, deviation)))) for _ in range(channels)]


def random_rows(rng: random.Random, lanes: int, channels: int) -> RowBlock:
    """Return P rows, each of a kind of its own."""
    return [row(rng, rng.choice(KINDS), channels) for _ in range(lanes)]


def pass_words(rows: RowBlock, **fields: list[Any]) -> list[dict[str, Any]]:
    """Return the words of P rows side by side; *fields* have a value for every channel."""
    channels = len(rows[0])
    return [
        {"lanes": [r[c] for r in rows], **{name: v[c] for name, v in fields.items()}, "last": int(c == channels - 1)}
        for c in range(channels)
    ]


def moments(rows: RowBlock) -> dict[str, Any]:
    """Return the word of sums and sums of squares of P rows."""
    return {"total": [sum(r) for r in rows], "squares": [sum(x * x for x in r) for r in rows], "last": 1}


# ------------------------------------------------------------------------------------------------------------- moments

MOMENT_BINS = (
    "a row of one channel",
    "a constant row",
    "a sum below zero",
    "a sum above zero",
    "every code the smallest",
    "every code the largest",
    "both ends in a row",
    "a row follows one of another length",
)


def extreme_rows(lanes: int) -> list[RowBlock]:
    """Return row-blocks of the ends of the range, constant and alternating, of several lengths."""
    blocks = []
    for channels in (1, 2, 3, 16):
        rows = [
            [LOWEST] * channels,
            [HIGHEST] * channels,
            [(LOWEST, HIGHEST)[c % 2] for c in range(channels)],
            [0] * channels,
            [(-1, 1)[c % 2] for c in range(channels)],
            [1 << c % 15 for c in range(channels)],
            [-(1 << c % 16) for c in range(channels)],
            [HIGHEST, *[LOWEST] * (channels - 1)],
        ]
        rows += rows[: -len(rows) % lanes]
        blocks += [rows[n : n + lanes] for n in range(0, len(rows), lanes)]
    return blocks


def moments_case(blocks: list[RowBlock]) -> Case:
    """Return the words of these rows with their moments."""
    met: Counter[str] = Counter()
    lengths = [len(rows[0]) for rows in blocks]
    met["a row follows one of another length"] += sum(a != b for a, b in itertools.pairwise(lengths))
    for codes in (codes for rows in blocks for codes in rows):
        found = set(codes)
        met["a row of one channel"] += len(codes) == 1
        met["a constant row"] += len(found) == 1
        met["a sum below zero"] += sum(codes) < 0
        met["a sum above zero"] += sum(codes) > 0
        met["every code the smallest"] += found == {LOWEST}
        met["every code the largest"] += found == {HIGHEST}
        met["both ends in a row"] += {LOWEST, HIGHEST} <= found
    words = [word for rows in blocks for word in pass_words(rows)]
    return Case(words=words, expected=[moments(rows) for rows in blocks], hits=met, first_row=lengths[0])


# ----------------------------------------------------------------------------------------------------------- row scale

SCALE_BINS = (
    "no variance",
    "the widest variance",
    "an epsilon of one",
    "the widest epsilon",
    "one channel",
    "the longest row",
    "the largest sum",
    "the smallest sum",
    "an even exponent",
    "an odd exponent",
    "a mantissa that saturates",
)


def extreme_moments(lanes: int) -> list[dict[str, Any]]:
    """Return moments at the ends of every field, and variances that tell every entry of the table from any other."""
    half = MOST_CHANNELS // 2
    longest = [
        (-MOST_TOTAL, MOST_SQUARES),  # every code the smallest: no variance
        (MOST_CHANNELS * HIGHEST, MOST_CHANNELS * HIGHEST**2),  # every code the largest
        (half * (LOWEST + HIGHEST), half * (LOWEST**2 + HIGHEST**2)),  # half of each: the widest variance
        (0, 0),
        (1, 1),
    ]
    words = []
    for epsilon in (1, 2, EPSILON_LIMIT - 1, EPSILON_LIMIT >> 1):
        for pairs in ([longest[(n + lane) % 5] for lane in range(lanes)] for n in range(0, 5, min(lanes, 5))):
            words.append(_scale_word(pairs, MOST_CHANNELS, epsilon))
    # Of one channel whose square is the variance less epsilon; a sum of 0 is what is left out of it.
    codes = grouped(telling(SQUARES_BITS)[: (MOST_WORDS - len(words)) * lanes], lanes)
    words += [_scale_word([(0, variance - 1) for variance in lane], 1, 1) for lane in codes]
    return [{**word, "last": last} for word, last in zip(words, every_fifth(len(words)), strict=True)]


def _scale_word(pairs: list[tuple[int, int]], channels: int, epsilon: int) -> dict[str, Any]:
    totals, squares = zip(*pairs, strict=True)
    return {"total": list(totals), "squares": list(squares), "channels": channels, "epsilon": epsilon}


def random_moments(lanes: int, rng: random.Random, lengths: Iterable[int]) -> list[dict[str, Any]]:
    """Return a word of moments of random rows for every word of rows of these lengths; some repeat their channels."""
    words = []
    for last in row_ends(lengths):
        channels = rng.randint(1, 12)
        epsilon = rng.choice((1, EPSILON_LIMIT - 1, rng.randrange(1, 1 << rng.randint(1, 61))))
        times = rng.choice((1, rng.randint(1, MOST_CHANNELS // channels)))
        found = moments(random_rows(rng, lanes, channels))
        totals, squares = ([times * value for value in found[name]] for name in ("total", "squares"))
        words.append(
            {
                "total": totals,
                "squares": squares,
                "channels": times * channels,
                "epsilon": epsilon,
                "last": last,
            }
        )
    return words


def scale_case(words: list[dict[str, Any]]) -> Case:
    """Return these moments with the factors of their rows."""
    total, squares = (torch.tensor([w[name] for w in words]) for name in ("total", "squares"))
    channels, epsilon = (torch.tensor([[w[name]] for w in words]) for name in ("channels", "epsilon"))
    variance = channels * squares - total * total
    mantissa, exponent = SPEC.compute(variance + epsilon)
    rows = zip(mantissa.tolist(), exponent.tolist(), words, strict=True)
    expected: list[Word] = [{"mantissa": m, "exponent": e, "last": word["last"]} for m, e, word in rows]
    places = [v.bit_length() - 1 for v in (variance + epsilon).flatten().tolist()]
    met = Counter(
        {
            "no variance": int((variance == 0).sum()),
            "the widest variance": int((variance >= 1 << 53).sum()),
            "an epsilon of one": int((epsilon == 1).sum()),
            "the widest epsilon": int((epsilon == EPSILON_LIMIT - 1).sum()),
            "one channel": int((channels == 1).sum()),
            "the longest row": int((channels == MOST_CHANNELS).sum()),
            "the largest sum": int((total == MOST_CHANNELS * HIGHEST).sum()),
            "the smallest sum": int((total == -MOST_TOTAL).sum()),
            "an even exponent": sum(place % 2 == 0 for place in places),
            "an odd exponent": sum(place % 2 for place in places),
            "a mantissa that saturates": int((mantissa == (1 << 18) - 1).sum()),
        }
    )
    return Case(words=words, expected=expected, hits=met)


LANES = tuple({"lanes": lanes} for lanes in (4, 3, 1, 5, 8))

MOMENTS = Traffic(
    block="layernorm-moments",
    points=LANES,
    bins=MOMENT_BINS,
    directed=lambda options: moments_case(extreme_rows(options["lanes"])),
    random=lambda options, rng, lengths: moments_case([random_rows(rng, options["lanes"], n) for n in lengths]),
)

ROW_SCALE = Traffic(
    block="layernorm-row-scale",
    points=LANES,
    bins=SCALE_BINS,
    directed=lambda options: scale_case(extreme_moments(options["lanes"])),
    random=lambda options, rng, lengths: scale_case(random_moments(options["lanes"], rng, lengths)),
)

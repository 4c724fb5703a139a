"""Rows of logits: normal, rising and falling, jumping, masked; their statistics and their numerators."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import torch

from vitaccel.reference.exp2 import NUMERATOR_FRACTION
from vitaccel.reference.softmax import LONGEST_ROW, MASKED, NUMERATOR_FRACTIONS, OnlineSoftmax
from vitaccel_sim.traffic.case import Case, Traffic, Word
from vitaccel_sim.traffic.values import grouped

HIGHEST = -MASKED - 1
Row = list[int]
RowBlock = list[Row]

SHORT_ROW = 18
"""Keys of a directed row that needs no more: the powers of a maximum 17 octaves below a later one are all gone."""

MOST_HALVES = 36
"""Logits of a directed row that are rounded at a half, of 12 bits; of 8 bits there are fewer."""

KINDS = ("normal", "masked", "rising", "falling", "jumps", "masks", "large", "low")


def row(rng: random.Random, kind: str, keys: int, fraction_bits: int) -> Row:
    """Return logits of a kind of row."""
    one = 1 << fraction_bits
    if kind == "masked":
        return [MASKED] * keys
    if kind == "rising":
        start = rng.randint(MASKED, HIGHEST - 3 * one)
        return [min(HIGHEST, start + n * rng.randint(0, one)) for n in range(keys)]
    if kind == "falling":
        start = rng.randint(0, HIGHEST)
        return [max(MASKED, start - n * rng.randint(0, one)) for n in range(keys)]
    if kind == "jumps":
        ends = (MASKED, MASKED + 1, MASKED + one, -1, 0, 1, HIGHEST, HIGHEST - one)
        return [rng.choice(ends) for _ in range(keys)]
    if kind == "large":
        top = rng.randrange(MASKED // one // 16 + 1, HIGHEST // one // 16 - 1) * 16
        below = rng.choice((1, one))
        logits = [(top - 1) * one - rng.randrange(below) for _ in range(keys - 1)]
        return [*logits, (top + rng.choice((0, 16))) * one]
    if kind == "low":
        start = MASKED + (one << rng.randrange(15 - fraction_bits))
        return [min(HIGHEST, start + n * one) for n in range(keys)]
    if kind == "masks":
        return [MASKED if rng.random() < 0.6 else rng.randint(MASKED, MASKED + 4 * one) for _ in range(keys)]
    return [max(MASKED, min(HIGHEST, round(rng.gauss(0, 4 * one)))) for _ in range(keys)]


def row_words(rows: RowBlock, **fields: Sequence[int]) -> list[Word]:
    """Return the words of P rows side by side, lane i owning row i; *fields* are the same in every word."""
    keys = len(rows[0])
    return [{"lanes": [logits[key] for logits in rows], **fields, "last": int(key == keys - 1)} for key in range(keys)]


def random_blocks(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> list[RowBlock]:
    """Return a row-block of every length that the block takes, each row of a kind of its own."""
    bits, longest = options["fraction_bits"], longest_row(options)
    lengths = [min(keys, longest) for keys in lengths]
    return [[row(rng, rng.choice(KINDS), keys, bits) for _ in range(options["lanes"])] for keys in lengths]


def longest_row(options: Mapping[str, int]) -> int:
    """Return the keys of the longest row that a block takes."""
    return options.get("keys", LONGEST_ROW)


def extreme_blocks(
    options: Mapping[str, int], more_rows: Callable[[Mapping[str, int]], list[list[Row]]] = lambda _: []
) -> list[RowBlock]:
    """Return rows that reach every fraction, every rise and fall by one bit, and sums of equal logits.

    The last ones are *more_rows*, by length.
    """
    lanes, one = options["lanes"], 1 << options["fraction_bits"]
    fractions = grouped(range(1 - one, 1), lanes)
    every_fraction = [list(codes) for codes in zip(*fractions, strict=True)]
    length = SHORT_ROW
    rows = [
        [MASKED, *[MASKED + 1] * (length - 5), *[HIGHEST] * 4],
        [max(MASKED, -one * k // 2) for k in range(length)],
        [min(HIGHEST, one * k // 2) for k in range(length)],
    ]
    few = [[HIGHEST, *[MASKED] * 8], [0, -one * 16 - 1, *[-one * 17] * 7]]
    groups = (rows, few, _pairs(options), *_masked_rows(options), *_rising_rows(options), *more_rows(options))
    blocks = [every_fraction, [codes[::-1] for codes in every_fraction]]
    blocks += [block for group in groups for block in _side_by_side(group, lanes)]
    return [[logits[: longest_row(options)] for logits in rows] for rows in blocks]


def _side_by_side(rows: Sequence[Row], lanes: int) -> list[RowBlock]:
    """Return rows of one length as row-blocks, of which the last is filled up with the first rows."""
    filled = [*rows, *(rows * lanes)[: -len(rows) % lanes]]
    return [filled[n : n + lanes] for n in range(0, len(filled), lanes)]


def _pairs(options: Mapping[str, int]) -> list[Row]:
    """Return rows of two words: results follow each other closely, so that some wait behind others.

    The maximum rises by every bit and by what is near a step of 16 octaves, also from a masked key; and of two logits
    whose octaves differ in every bit up to one, either comes first.
    """
    one = 1 << options["fraction_bits"]
    bits = range(15 - options["fraction_bits"])
    rows = [[-one * rise, 0] for rise in (1, 2, 4, 8, 15, 16, 17, 31, 32)]
    rows += [[MASKED] * 2, [HIGHEST] * 2, [MASKED, HIGHEST], [MASKED, MASKED + one]]
    rows += [[MASKED + (one << bit), MASKED + (one << bit) + one] for bit in bits]
    turns = [[(one << bit) - one, one << bit] for bit in bits[:-1]]
    return [*rows, *turns, *(turn[::-1] for turn in turns)]


def _masked_rows(options: Mapping[str, int]) -> list[list[Row]]:
    """Return rows by length in which a masked key is not taken for another, nor another for a masked one.

    A masked key counts nothing, though the maximum be one octave above it; every logit that differs from it by one bit
    counts, if only of its own row; and none of those that are as many octaves below the maximum as one bit says, but
    for the lowest bits.
    """
    bits = options["fraction_bits"]
    one = 1 << bits
    low = [MASKED + one, *[MASKED + (1 << bit) for bit in range(bits)], MASKED, MASKED]
    top = HIGHEST + 1 - one
    gone = [top, *(top - (one << bit) for bit in range(5, 16 - bits))]
    return [[low], [gone], [[MASKED + (1 << bit)] for bit in range(bits, 15)]]


def _rising_rows(options: Mapping[str, int]) -> list[list[Row]]:
    """Return rows by length of which the sum is shifted by steps of 16 octaves: two that leave something, and too many.

    A step or two leave something of a large sum only, of a maximum at the end of a step, and two leave two bits of one
    thrice as large; nothing is left after numbers of steps that differ from those by a bit, and nothing of a row
    before. A rise within a step takes nothing away.
    """
    one = 1 << options["fraction_bits"]
    lowest = (MASKED // one // 16 + 1) * 16
    large = [(lowest + 15) * one] * 4
    highest = (HIGHEST // one - lowest) // 16
    near = {steps ^ bit for steps in (1, 2) for bit in (0, 1, 2, 4, 8, 16, 32)}
    raised = [[*large, (lowest + 16 * steps) * one] for steps in sorted(near) if 0 < steps <= highest]
    raised.append([*[lowest * one] * 4, (lowest + 1) * one])
    after = [group for steps in (1, 2) for group in ([large], [[(lowest + 16 * steps) * one]])]
    rises = [[lowest * one, (lowest + 16 * steps) * one] for steps in (1, 4, 8, 16, 32) if steps <= highest]
    return [raised, [[*large * 3, (lowest + 32) * one]], *after, rises]


def _halves(options: Mapping[str, int]) -> list[list[Row]]:
    """Return a row of logits whose powers lie on a half of a numerator's last bit or just below: low bits decide it."""
    bits, one = options["fraction_bits"], 1 << options["fraction_bits"]
    logits = range(1 - 16 * one, 0)
    powers = OnlineSoftmax(bits, 16).numerators(torch.tensor([logits]), torch.tensor([0]))[0].tolist()
    half = (1 << NUMERATOR_FRACTION - NUMERATOR_FRACTIONS[options["bits"]]) >> 1
    near = [y for y, power in zip(logits, powers, strict=True) if half and power % (2 * half) in (half - 1, half)]
    return [[[0, *near[:: len(near) // MOST_HALVES + 1]]]]


def met(blocks: Iterable[RowBlock], spec: OnlineSoftmax) -> Counter[str]:
    """Count how often rows meet the bins of this file."""
    found: Counter[str] = Counter()
    for logits in (logits for rows in blocks for logits in rows):
        ceilings = [-(-y >> spec.fraction_bits) for y in logits]
        rises = [b - max(ceilings[: n + 1]) for n, b in enumerate(ceilings[1:])]
        masked = [y == MASKED for y in logits]
        found["every key masked"] += all(masked)
        found["some keys masked"] += any(masked) and not all(masked)
        found["the first key masked, a later one not"] += masked[0] and not all(masked)
        found["the maximum rises"] += any(rise > 0 for rise in rises)
        found["the maximum rises by 32 octaves or more"] += any(rise >= 32 for rise in rises)
        found["a power too small to count"] += any(max(ceilings) - c > 17 for c in ceilings)
        found["a logit at the upper end"] += HIGHEST in logits
    return found


BINS = (
    "every key masked",
    "some keys masked",
    "the first key masked, a later one not",
    "the maximum rises",
    "the maximum rises by 32 octaves or more",
    "a power too small to count",
    "a logit at the upper end",
)


def _statistics_case(options: Mapping[str, int], blocks: list[RowBlock]) -> Case:
    spec = OnlineSoftmax(options["fraction_bits"])
    expected: list[Word] = []
    for rows in blocks:
        m, total = spec.statistics(torch.tensor(rows))
        expected.append({"m": m.tolist(), "total": total.tolist(), "last": 1})
    words = [word for rows in blocks for word in row_words(rows)]
    return Case(words=words, expected=expected, hits=met(blocks, spec), first_row=len(blocks[0][0]))


def _numerators_case(options: Mapping[str, int], blocks: list[RowBlock]) -> Case:
    spec = OnlineSoftmax(options["fraction_bits"], options["bits"])
    words: list[Word] = []
    expected: list[Word] = []
    hits = met(blocks, spec)
    for rows in blocks:
        m, _ = spec.statistics(torch.tensor(rows))
        words += row_words(rows, m=m.tolist())
        numerators = spec.numerators(torch.tensor(rows), m)
        hits["the largest numerator"] += int((numerators == numerators.max()).any() and numerators.max() > 0)
        expected += row_words(numerators.tolist())
    return Case(words=words, expected=expected, hits=hits)


STATISTICS = Traffic(
    block="softmax-statistics",
    points=(
        {"lanes": 4, "fraction_bits": 6, "keys": 4096},
        {"lanes": 3, "fraction_bits": 8, "keys": 4096},
        {"lanes": 1, "fraction_bits": 6, "keys": 577},
        {"lanes": 5, "fraction_bits": 8, "keys": 1201},
        {"lanes": 8, "fraction_bits": 6, "keys": 4096},
    ),
    bins=BINS,
    directed=lambda options: _statistics_case(options, extreme_blocks(options)),
    random=lambda options, rng, lengths: _statistics_case(options, random_blocks(options, rng, lengths)),
)

NUMERATORS = Traffic(
    block="softmax-numerators",
    points=(
        {"lanes": 4, "fraction_bits": 6, "bits": 8},
        {"lanes": 3, "fraction_bits": 8, "bits": 12},
        {"lanes": 1, "fraction_bits": 6, "bits": 16},
        {"lanes": 5, "fraction_bits": 8, "bits": 8},
        {"lanes": 8, "fraction_bits": 6, "bits": 12},
    ),
    bins=(*BINS, "the largest numerator"),
    directed=lambda options: _numerators_case(options, extreme_blocks(options, _halves)),
    random=lambda options, rng, lengths: _numerators_case(options, random_blocks(options, rng, lengths)),
)

"""Accumulators at every distance from the result's range: halves at every shift, both saturations, every sign."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from vitaccel.reference.fixed_point import LONGEST_SHIFT, Fixed
from vitaccel.reference.requantize import MULTIPLIER_LIMIT, ChannelRequantize
from vitaccel_sim.traffic.case import Case, Traffic
from vitaccel_sim.traffic.values import ends, every_fifth, row_ends, some_int

MULTIPLIERS = (1 - MULTIPLIER_LIMIT, -(2**16), -1, 0, 1, 2**16, MULTIPLIER_LIMIT - 1)
SHIFTS = (0, 1, 15, 16, 17, 31, 32, 33, 47, 48, 50, 51, 52, 62, LONGEST_SHIFT)
EXTREME_SHIFTS = (0, 1, 16, 31, 35, 50, LONGEST_SHIFT)
BINS = (
    "saturated above",
    "saturated below",
    "a half above zero",
    "a half below zero",
    "a negative multiplier",
    "a multiplier of zero",
    "no shift",
    "the longest shift",
    "the sum with the offset is wider than an accumulator",
    "a residual saturates",
    "a residual takes back what would saturate",
    "8 bits of 16",
    "lanes of one word differ in their shift",
)


def _fields(options: Mapping[str, int], **fields: Any) -> dict[str, Any]:
    """Leave out what words with these options have not; multiplier and shift come of each lane."""
    if not options["per_lane"]:
        fields.update({name: fields[name][0] for name in ("multiplier", "shift")})
    absent = [name for name in ("offset", "residual") if not options[name]]
    if options["bits"] == 8:
        absent.append("narrow")
    return {name: value for name, value in fields.items() if name not in absent}


def some_words(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> list[dict[str, Any]]:
    """Return words of random numbers, most of them with a shift that brings products near the result's range."""
    lanes, acc_bits = options["lanes"], options["acc_bits"]

    def factor() -> int:
        return rng.choice(MULTIPLIERS) if rng.random() < 0.3 else rng.randint(MULTIPLIERS[0], MULTIPLIERS[-1])

    def shift() -> int:
        return rng.randint(acc_bits - 12, acc_bits + 13) if rng.random() < 0.6 else rng.choice(SHIFTS)

    return [
        _fields(
            options,
            lanes=[some_int(rng, acc_bits) for _ in range(lanes)],
            residual=[some_int(rng, 16) for _ in range(lanes)],
            offset=some_int(rng, 32),
            multiplier=[factor() for _ in range(lanes)],
            shift=[shift() for _ in range(lanes)],
            narrow=rng.randint(0, 1),
            last=last,
        )
        for last in row_ends(lengths)
    ]


def extreme_words(options: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return words of the ends of every field, and of halves and their neighbours at every shift."""
    lanes = options["lanes"]
    sums = itertools.cycle((*ends(options["acc_bits"]), -1, 0, 1))
    # Seven residuals and five sums: all their pairs pass by.
    residuals = itertools.cycle((0, 2**15 - 1, -(2**15), 1, -1, -200, 200))
    offsets = (*ends(32), 0) if options["offset"] else (0,)
    scales = itertools.product(EXTREME_SHIFTS, MULTIPLIERS, offsets)
    words = [
        {
            "lanes": [next(sums) for _ in range(lanes)],
            "residual": [next(residuals) for _ in range(lanes)],
            "offset": offset,
            "multiplier": _from(MULTIPLIERS, multiplier, lanes),
            "shift": _from(EXTREME_SHIFTS, shift, lanes),
            "narrow": n & 1,
        }
        for n, (shift, multiplier, offset) in enumerate(scales)
    ]
    words += _halves(options)
    lasts = every_fifth(len(words))
    return [_fields(options, **word, last=last) for word, last in zip(words, lasts, strict=True)]


def _from(values: tuple[int, ...], first: int, lanes: int) -> list[int]:
    """Return P of the *values*, from *first* on, over and over."""
    place = values.index(first)
    return [values[(place + lane) % len(values)] for lane in range(lanes)]


def _halves(options: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return halves, and what is one below, at every shift that *acc_bits* can reach with a multiplier of 2**16."""
    lanes, acc_bits = options["lanes"], options["acc_bits"]
    quotients, below = itertools.cycle((-1, 0, -2, 1)), itertools.cycle((0, 0, 1, 1))
    words = []
    for shift in range(1, acc_bits + 13):
        # 2**(shift - 1) is the half; the larger shifts have the larger part of it in their multiplier.
        by_factor = 0 if shift < acc_bits - 3 else 16
        place = max(shift - 1 - by_factor, 0)
        for _ in range(2 if lanes == 1 else 1):
            halves = [((2 * next(quotients) + 1) << place) - next(below) for _ in range(lanes)]
            words.append(
                {
                    "lanes": halves,
                    "residual": [0] * lanes,
                    "offset": 0,
                    "multiplier": [1 << by_factor] * lanes,
                    "shift": [shift] * lanes,
                    "narrow": 0,
                }
            )
    return words


def _columns(options: Mapping[str, int], words: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
    """Return every field of every lane of every word, one after another; what words have not is 0."""
    lanes = options["lanes"]

    def column(name: str) -> torch.Tensor:
        values = [word.get(name, 0) for word in words]
        return torch.tensor([v if isinstance(v, list) else [v] * lanes for v in values]).flatten()

    return {name: column(name) for name in ("lanes", "residual", "offset", "multiplier", "shift", "narrow")}


def case(options: Mapping[str, int], words: list[dict[str, Any]]) -> Case:
    """Return these words with what must come out: a lane of a word is a channel of the spec."""
    column = _columns(options, words)
    results = {}
    for width in {8, options["bits"]}:
        spec = ChannelRequantize(column["multiplier"], column["shift"], column["offset"], width)
        results[width] = spec.compute(column["lanes"], column["residual"])
    wide = results[options["bits"]]
    codes = torch.where(column["narrow"] == 1, results[8], wide).reshape(len(words), options["lanes"]).tolist()
    expected = [{"lanes": lanes, "last": word["last"]} for lanes, word in zip(codes, words, strict=True)]
    return Case(words=words, expected=expected, hits=_met(options, column))


def _met(options: Mapping[str, int], column: Mapping[str, torch.Tensor]) -> Counter[str]:
    met: Counter[str] = Counter()
    values = zip(*(column[name].tolist() for name in column), strict=True)
    for acc, residual, offset, multiplier, shift, narrow in values:
        total = acc + offset
        product = total * multiplier
        half = 1 << shift >> 1
        rounded = (product + half) >> shift
        code = Fixed(8 if narrow else options["bits"], 0)
        is_half = shift > 0 and product & (1 << shift) - 1 == half
        outside = not code.min <= rounded <= code.max
        met["saturated above"] += rounded + residual > code.max
        met["saturated below"] += rounded + residual < code.min
        met["a half above zero"] += is_half and product > 0
        met["a half below zero"] += is_half and product < 0
        met["a negative multiplier"] += multiplier < 0
        met["a multiplier of zero"] += multiplier == 0
        met["no shift"] += shift == 0
        met["the longest shift"] += shift == LONGEST_SHIFT
        met["the sum with the offset is wider than an accumulator"] += total.bit_length() >= options["acc_bits"]
        met["a residual saturates"] += not outside and not code.min <= rounded + residual <= code.max
        met["a residual takes back what would saturate"] += outside and code.min <= rounded + residual <= code.max
        met["8 bits of 16"] += narrow
    shifts = column["shift"].reshape(-1, options["lanes"])
    met["lanes of one word differ in their shift"] += int((shifts != shifts[:, :1]).any(-1).sum())
    return met


REQUANTIZE = Traffic(
    block="requantize",
    points=(
        {"lanes": 4, "acc_bits": 32, "bits": 16, "offset": 1, "residual": 1, "per_lane": 0},
        {"lanes": 3, "acc_bits": 35, "bits": 8, "offset": 0, "residual": 0, "per_lane": 1},
        {"lanes": 1, "acc_bits": 34, "bits": 8, "offset": 1, "residual": 1, "per_lane": 0},
        {"lanes": 5, "acc_bits": 16, "bits": 16, "offset": 1, "residual": 0, "per_lane": 0},
        {"lanes": 2, "acc_bits": 35, "bits": 16, "offset": 0, "residual": 1, "per_lane": 1},
        {"lanes": 8, "acc_bits": 32, "bits": 8, "offset": 1, "residual": 0, "per_lane": 0},
    ),
    bins=BINS,
    directed=lambda options: case(options, extreme_words(options)),
    random=lambda options, rng, lengths: case(options, some_words(options, rng, lengths)),
)

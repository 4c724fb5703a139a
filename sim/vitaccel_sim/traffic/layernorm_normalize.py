"""The second pass of LayerNorm: rows of both extremes and of none, every multiplier with every offset, every shift."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch

from vitaccel.reference.fixed_point import round_shift
from vitaccel.reference.layernorm import EPSILON_LIMIT, LONGEST_SHIFT, MOST_CHANNELS, OFFSET_LIMIT, LayerNorm
from vitaccel.reference.requantize import MULTIPLIER_LIMIT
from vitaccel_sim.traffic.case import Case, Traffic, Word
from vitaccel_sim.traffic.layernorm import HIGHEST, LOWEST, RowBlock, random_rows, row

BINS = (
    "saturated above",
    "saturated below",
    "a half above zero",
    "a half below zero",
    "a negative multiplier",
    "a multiplier of zero",
    "no shift",
    "the longest shift",
    "a constant row",
    "an element 32 deviations or more from the mean",
    "the longest row",
    "8 bits of 16",
)

NARROW_SIGN = 7
"""Place of the sign of a byte."""


def some_layer(rng: random.Random, channels: int, bits: int) -> LayerNorm:
    """Return affine parameters of which some saturate the result, some do not."""
    shift = rng.choice((0, 15, LONGEST_SHIFT, rng.randint(0, LONGEST_SHIFT)))
    size = rng.choice((MULTIPLIER_LIMIT, MULTIPLIER_LIMIT, 1 << 10)) - 1
    limit = min(OFFSET_LIMIT - 1, 1 << bits + shift)
    return LayerNorm(
        multiplier=torch.tensor([rng.choice((-size, size, rng.randint(-size, size))) for _ in range(channels)]),
        offset=torch.tensor([rng.choice((-limit, limit, 0, rng.randint(-limit, limit))) for _ in range(channels)]),
        shift=shift,
        epsilon=rng.choice((1, EPSILON_LIMIT - 1, rng.randrange(1, 1 << 40))),
        bits=bits,
    )


def case(spec: LayerNorm, rows: RowBlock, narrow: int = 0, kept: list[int] | None = None) -> Case:
    """Return the second pass of P rows; of long ones only the channels *kept* are sent."""
    kept = list(range(spec.channels)) if kept is None else kept
    x = torch.tensor(rows)
    total, squares = x.sum(-1), (x * x).sum(-1)
    mantissa, exponent = spec.rsqrt.compute(spec.channels * squares - total * total + spec.epsilon)
    asked = replace(spec, bits=8) if narrow else spec
    results = asked.compute(x)[:, kept].T.tolist()
    fields = {"total": total.tolist(), "mantissa": mantissa.tolist(), "exponent": exponent.tolist()}
    fields |= {"channels": spec.channels, "shift": spec.shift}
    if spec.bits == 16:
        fields["narrow"] = narrow
    words: list[Word] = []
    for place, channel in enumerate(kept):
        affine = {"multiplier": int(spec.multiplier[channel]), "offset": int(spec.offset[channel])}
        last = int(place == len(kept) - 1)
        words.append({"lanes": x[:, channel].tolist(), **fields, **affine, "last": last})
    expected = [{"lanes": lanes, "last": word["last"]} for lanes, word in zip(results, words, strict=True)]
    return Case(words=words, expected=expected, hits=_met(asked, x, kept, narrow))


def _met(spec: LayerNorm, x: torch.Tensor, kept: list[int], narrow: int) -> Counter[str]:
    normal = spec.normalize(x)[:, kept]
    multiplier = spec.multiplier[kept]
    exact = normal * multiplier + spec.offset[kept]
    rounded = round_shift(exact, spec.shift)
    half = 1 << spec.shift >> 1
    is_half = (exact & (1 << spec.shift) - 1 == half) & (spec.shift > 0)
    top = 1 << spec.bits - 1
    return Counter(
        {
            "saturated above": int((rounded >= top).sum()),
            "saturated below": int((rounded < -top).sum()),
            "a half above zero": int((is_half & (exact > 0)).sum()),
            "a half below zero": int((is_half & (exact < 0)).sum()),
            "a negative multiplier": int((multiplier < 0).sum()),
            "a multiplier of zero": int((multiplier == 0).sum()),
            "no shift": int(spec.shift == 0),
            "the longest shift": int(spec.shift == LONGEST_SHIFT),
            "a constant row": int((x.amin(-1) == x.amax(-1)).sum()),
            "an element 32 deviations or more from the mean": int((normal.abs() >= 32 << 15).sum()),
            "the longest row": int(spec.channels == MOST_CHANNELS),
            "8 bits of 16": narrow,
        }
    )


def _affine(multipliers: Iterable[int], offsets: Iterable[int], shift: int, bits: int, channels: int = 0) -> LayerNorm:
    """Return a layer of every multiplier with every offset; the last ones go on up to *channels*."""
    pairs = list(itertools.product(multipliers, offsets))
    pairs += [pairs[-1]] * (channels - len(pairs))
    multiplier, offset = (torch.tensor(values) for values in zip(*pairs, strict=True))
    return LayerNorm(multiplier, offset, shift, epsilon=1, bits=bits)


def _directed(options: Mapping[str, int]) -> Case:
    lanes, bits = options["lanes"], options["bits"]
    multipliers = (1 - MULTIPLIER_LIMIT, -1, 0, 1, 1 << 16, MULTIPLIER_LIMIT - 1)
    cases = []
    for shift in (0, 1, 15, LONGEST_SHIFT):
        half = 1 << shift >> 1
        spec = _affine(multipliers, (1 - OFFSET_LIMIT, half, -half, 3 * half, OFFSET_LIMIT - 1), shift, bits)
        channels = spec.channels
        kinds = [
            [LOWEST, HIGHEST] * (channels // 2),
            [0] * channels,
            [*[7] * (channels - 1), -7],
            list(range(channels)),
        ]
        rows = [kinds[(lane + shift) % len(kinds)] for lane in range(lanes)]
        cases += [case(spec, rows, narrow) for narrow in ((0, 1) if bits == 16 else (0,))]
    # Codes that differ by all there is, in the longest row: the widest of what a row can be.
    for here, there in ((LOWEST, HIGHEST), (HIGHEST, LOWEST)):
        spec = _affine(multipliers, (1 - OFFSET_LIMIT, 0, OFFSET_LIMIT - 1), 15, bits, MOST_CHANNELS)
        rows = [[here] * (MOST_CHANNELS - 1) + [there], [there] + [here] * (MOST_CHANNELS - 1), [here] * MOST_CHANNELS]
        kept = [*range(18), MOST_CHANNELS - 1]
        cases.append(case(spec, [rows[lane % 3] for lane in range(lanes)], 0, kept))
    cases += [*_lone_bits(lanes, bits), *_near(lanes, bits)]
    return sum(cases[1:], cases[0])


def _lone_bits(lanes: int, bits: int) -> list[Case]:
    """Return sums of which one bit from the sign of a byte upwards differs from their own sign: all that saturates."""
    sums = [sign ^ 1 << place for place in range(NARROW_SIGN, bits + 2) for sign in (0, -1)]
    spec = _affine((1,), sums, 0, bits)
    return [case(spec, [[0] * spec.channels] * lanes, narrow) for narrow in ((0, 1) if bits == 16 else (0,))]


def _near(lanes: int, bits: int) -> list[Case]:
    """Return a row for every shift whose offsets take from the products what would saturate, in one lane each.

    So every bit of a product, of the factor of its row and of what a shift drops decides about a result.
    """
    rng = random.Random(bits)
    cases = []
    for shift in range(LONGEST_SHIFT + 1):
        narrow = shift % 2 if bits == 16 else 0
        rows = [row(rng, "uniform", 3) for _ in range(lanes)]
        multiplier = torch.tensor([rng.randrange(1 - (1 << 15), 1 << 15) for _ in range(3)])
        bare = LayerNorm(multiplier, torch.zeros_like(multiplier), shift, epsilon=rng.randrange(1, 1 << 36), bits=bits)
        products = (bare.normalize(torch.tensor(rows)) * multiplier).tolist()
        reach = 1 << shift + (8 if narrow else bits) - 1
        offset = [rng.randrange(-reach, reach) - products[(shift + n) % lanes][n] for n in range(3)]
        within = [max(1 - OFFSET_LIMIT, min(OFFSET_LIMIT - 1, value)) for value in offset]
        cases.append(case(replace(bare, offset=torch.tensor(within)), rows, narrow))
    return cases


def _random(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> Case:
    lanes, bits = options["lanes"], options["bits"]
    cases = [
        case(some_layer(rng, n, bits), random_rows(rng, lanes, n), rng.randint(0, 1) if bits == 16 else 0)
        for n in lengths
    ]
    return sum(cases[1:], cases[0])


NORMALIZE = Traffic(
    block="layernorm-normalize",
    points=tuple({"lanes": lanes, "bits": bits} for lanes, bits in ((4, 16), (3, 8), (1, 16), (5, 8), (8, 16))),
    bins=BINS,
    directed=_directed,
    random=_random,
)

"""Codes at both ends of every segment, and those whose rounding tells one knot from the next."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import torch

from vitaccel.reference.gelu import GUARD_BITS, WideGelu
from vitaccel_sim.traffic.case import Case, Traffic
from vitaccel_sim.traffic.values import MOST_WORDS, every_fifth, grouped, row_ends, some_int, thinned

COUNTED_SEGMENTS = 64
"""Segments that have a bin each."""

BINS = (
    *(f"segment {n}" for n in range(COUNTED_SEGMENTS)),
    "beyond the last knot",
    "a code below zero",
    "zero",
    "the smallest code",
    "the largest code",
    "the first code of a segment",
    "the last code of a segment",
)


def spec_of(options: Mapping[str, int]) -> WideGelu:
    """Return the function of a block with these options."""
    return WideGelu(**{name: options[name] for name in ("bits", "fraction", "segments", "step_bits")})


def edges(spec: WideGelu) -> list[int]:
    """Both ends of every segment, of either sign, and the ends of the range."""
    step = 1 << spec.fraction - spec.step_bits
    places = [knot * step + d for knot in range(spec.segments + 2) for d in (-1, 0, 1)]
    codes = [*places, *(-p for p in places), spec.format.min, spec.format.min + 1, spec.format.max]
    return [c for c in dict.fromkeys(codes) if spec.format.min <= c <= spec.format.max]


def witnesses(spec: WideGelu, widest: int = 1 << 12) -> list[int]:
    """Return codes of which one or another has another result if any knot grows, or shrinks, by a power of two.

    A result falls as a knot rises, so what tells a change from none tells all larger ones. Some of the smallest are
    never seen: they are far below half a step. Segments of more than *widest* codes are not searched.
    """
    step = 1 << spec.fraction - spec.step_bits
    if step > widest:
        return []
    found = []
    for place in range(spec.segments + 1):
        codes = torch.arange(max(place - 1, 0) * step, min((place + 1) * step, spec.format.max + 1))
        right = spec.compute(codes)
        for sign in (1, -1):
            others = (
                changed(spec, place, spec.table[place] + sign * (1 << bit)).compute(codes)
                for bit in range(GUARD_BITS + 1)
            )
            found += next(([int(codes[other != right][0])] for other in others if (other != right).any()), [])
    return list(dict.fromkeys(found))


def changed(spec: WideGelu, place: int, knot: int) -> WideGelu:
    """Return the spec with another knot."""
    table = list(spec.table)
    table[place] = knot
    other = copy.copy(spec)
    # A cached property is an entry of the instance, which frozen fields are not asked for.
    other.__dict__["table"] = tuple(table)
    return other


def case(options: Mapping[str, int], codes: Sequence[Sequence[int]], lasts: Iterable[int]) -> Case:
    """Return words of these codes with what must come out."""
    spec = spec_of(options)
    results = spec.compute(torch.tensor(codes)).tolist()
    rows = list(zip(codes, results, lasts, strict=True))
    met: Counter[str] = Counter()
    step = 1 << spec.fraction - spec.step_bits
    for code in (code for lanes in codes for code in lanes):
        magnitude = min(abs(code), spec.format.max)
        segment, position = divmod(magnitude, step)
        if segment >= spec.segments:
            met["beyond the last knot"] += 1
        elif segment < COUNTED_SEGMENTS:
            met[f"segment {segment}"] += 1
        met["a code below zero"] += code < 0
        met["zero"] += code == 0
        met["the smallest code"] += code == spec.format.min
        met["the largest code"] += code == spec.format.max
        met["the first code of a segment"] += position == 0
        met["the last code of a segment"] += position == step - 1
    return Case(
        words=[{"lanes": list(lanes), "last": last} for lanes, _, last in rows],
        expected=[{"lanes": lanes, "last": last} for _, lanes, last in rows],
        hits=met,
    )


def _directed(options: Mapping[str, int]) -> Case:
    spec, lanes = spec_of(options), options["lanes"]
    found = witnesses(spec)
    kept = thinned(edges(spec), MOST_WORDS * lanes - len(found))
    codes = grouped([*kept, *found, spec.format.min, spec.format.max], lanes)
    return case(options, codes, every_fifth(len(codes)))


def _random(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> Case:
    lasts = list(row_ends(lengths))
    codes = [[some_int(rng, options["bits"]) for _ in range(options["lanes"])] for _ in lasts]
    return case(options, codes, lasts)


GELU = Traffic(
    block="gelu",
    points=(
        {"lanes": 4, "bits": 16, "fraction": 12, "segments": 64, "step_bits": 4},
        {"lanes": 3, "bits": 12, "fraction": 8, "segments": 50, "step_bits": 4},
        {"lanes": 1, "bits": 20, "fraction": 15, "segments": 40, "step_bits": 3},
        {"lanes": 5, "bits": 10, "fraction": 4, "segments": 64, "step_bits": 4},
        {"lanes": 2, "bits": 9, "fraction": 0, "segments": 1, "step_bits": 0},
        {"lanes": 2, "bits": 32, "fraction": 24, "segments": 64, "step_bits": 4},
        {"lanes": 8, "bits": 16, "fraction": 12, "segments": 64, "step_bits": 4},
    ),
    bins=BINS,
    directed=_directed,
    random=_random,
)

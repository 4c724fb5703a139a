"""Variances of every length, of whole steps, and those that tell every entry of the table from its neighbours."""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import torch

from vitaccel.reference.rsqrt import ARGUMENT_FRACTION, MANTISSA_BITS, VARIANCE_BITS, Rsqrt
from vitaccel_sim.traffic.case import Case, Traffic
from vitaccel_sim.traffic.values import MOST_WORDS, every_fifth, grouped, row_ends

SPEC = Rsqrt()

BINS = (
    *(f"the highest bit at {place}" for place in range(VARIANCE_BITS)),
    "the smallest variance",
    "the largest variance",
    "a power of two",
    "one below a power of two",
    "the first entry of the even exponents",
    "the last entry of the even exponents",
    "the first entry of the odd exponents",
    "the last entry of the odd exponents",
    "a mantissa that saturates",
)


def octaves() -> list[int]:
    """Return both ends of every octave."""
    return list(dict.fromkeys(v for k in range(VARIANCE_BITS) for v in (1 << k, (2 << k) - 1)))


def ends_of_intervals(spec: Rsqrt, bits: int = VARIANCE_BITS) -> list[int]:
    """Return both ends of every interval of the table and what is near them, at lengths up to *bits* bits.

    There a Newton step hides least of its entry: its slope is the error of the entry, which is 0 in the middle. All
    first ends come first, then all last ones, then what is a little further in.
    """
    size = 1 << ARGUMENT_FRACTION - spec.index_bits
    count = 1 << spec.index_bits
    # Lengths of one parity: the highest bit is at 17, and one place further up the exponent is even.
    lengths = (bits - ARGUMENT_FRACTION - 1) // 2
    return [
        ((count + interval) * size + place) << (up + 2 * (interval % lengths))
        for place in (0, size - 1, size // 64, size - 1 - size // 64, size // 16, size - 1 - size // 16)
        for interval in range(count)
        for up in (0, 1)
    ]


def witnesses(spec: Rsqrt, bits: int = VARIANCE_BITS) -> list[int]:
    """Return for every entry of the table a variance whose root is another one if the entry's lowest bit is turned."""
    size = 1 << ARGUMENT_FRACTION - spec.index_bits
    count = 1 << spec.index_bits
    lengths = (bits - ARGUMENT_FRACTION - 1) // 2
    interval = torch.arange(count)[:, None]
    # A root depends on the entry of its own interval alone, so all entries can be turned at once.
    other = turned(spec)
    found = []
    for up in (0, 1):
        variances = (interval * size + count * size + torch.arange(size)) << up
        differs = (spec.compute(variances)[0] != other.compute(variances)[0]).to(torch.int64)
        first = variances.gather(1, differs.argmax(1, keepdim=True)).flatten().tolist()
        found += [value << 2 * (n % lengths) for n, value in enumerate(first) if differs[n].any()]
    return found


def whole_steps(spec: Rsqrt, bits: int = VARIANCE_BITS) -> list[int]:
    """Return all variances whose root is another one if the constant of the Newton step is a unit less, or more.

    There are a handful. What is cut off of their step is 0, or as much as can be: a low bit of a product, which hardly
    ever carries into a root, does so there.
    """
    lengths = (bits - ARGUMENT_FRACTION - 1) // 2
    found = []
    for up in (0, 1):
        variances = torch.arange(1 << ARGUMENT_FRACTION, 2 << ARGUMENT_FRACTION) << up
        below, root, above = (moved(spec, by).compute(variances)[0] for by in (-1, 0, 1))
        found += variances[(below != root) | (above != root)].tolist()
    return [value << 2 * (n % lengths) for n, value in enumerate(found)]


def moved(spec: Rsqrt, by: int) -> Rsqrt:
    """Return the spec with another constant in its Newton step."""
    other = copy.copy(spec)
    other.__dict__["centre"] = spec.centre + by
    return other


def turned(spec: Rsqrt) -> Rsqrt:
    """Return the spec with the lowest bit of every entry turned over."""
    other = copy.copy(spec)
    # A cached property is an entry of the instance, which frozen fields are not asked for.
    other.__dict__["table"] = tuple(entry ^ 1 for entry in spec.table)
    return other


def telling(bits: int = VARIANCE_BITS) -> list[int]:
    """Return variances of *bits* bits or less: whole steps, and what tells every entry from any other, best first."""
    return [*whole_steps(SPEC, bits), *witnesses(SPEC, bits), *ends_of_intervals(SPEC, bits)]


def case(variances: Sequence[Sequence[int]], lasts: Iterable[int]) -> Case:
    """Return words of these variances with what must come out."""
    mantissa, exponent = SPEC.compute(torch.tensor(variances))
    met: Counter[str] = Counter()
    met["a mantissa that saturates"] += int((mantissa == (1 << MANTISSA_BITS) - 1).sum())
    for variance in (variance for lanes in variances for variance in lanes):
        place = variance.bit_length() - 1
        parity = "odd" if place % 2 else "even"
        entry = (variance << SPEC.index_bits >> place) - (1 << SPEC.index_bits)
        met[f"the highest bit at {place}"] += 1
        met["the smallest variance"] += variance == 1
        met["the largest variance"] += variance == (1 << VARIANCE_BITS) - 1
        met["a power of two"] += variance == 1 << place
        met["one below a power of two"] += variance + 1 == 2 << place
        met[f"the first entry of the {parity} exponents"] += entry == 0
        met[f"the last entry of the {parity} exponents"] += entry == (1 << SPEC.index_bits) - 1
    rows = list(zip(variances, mantissa.tolist(), exponent.tolist(), lasts, strict=True))
    return Case(
        words=[{"lanes": list(lanes), "last": last} for lanes, _, _, last in rows],
        expected=[{"mantissa": m, "exponent": e, "last": last} for _, m, e, last in rows],
        hits=met,
    )


def _directed(options: Mapping[str, int]) -> Case:
    most = MOST_WORDS * options["lanes"]
    variances = grouped([*octaves(), *telling()][:most], options["lanes"])
    return case(variances, every_fifth(len(variances)))


def _random(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> Case:
    lasts = list(row_ends(lengths))
    variances = [[rng.randrange(1, 1 << rng.randint(2, VARIANCE_BITS)) for _ in range(options["lanes"])] for _ in lasts]
    return case(variances, lasts)


RSQRT = Traffic(
    block="rsqrt",
    points=tuple({"lanes": lanes} for lanes in (4, 3, 1, 5, 8)),
    bins=BINS,
    directed=_directed,
    random=_random,
)

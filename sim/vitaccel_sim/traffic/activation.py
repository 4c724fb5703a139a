"""All 256 inputs through tables that are loaded first, each slot another function."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import torch

from vitaccel.reference.activation import ActivationTable
from vitaccel.reference.fixed_point import Fixed
from vitaccel_sim.traffic.case import Case, Ports, Traffic
from vitaccel_sim.traffic.values import every_fifth, grouped, row_ends

FUNCTIONS = ("gelu", "hardswish", "silu", "relu")
IN_SCALES = (0.05, 0.03, 0.2)
MOST_SLOTS = 16
INPUT = Fixed(8, 0)

BINS = (
    *(f"slot {slot}" for slot in range(MOST_SLOTS)),
    "the smallest input",
    "the largest input",
    "zero",
    "the smallest output",
    "the largest output",
    "the table changes from word to word",
)


@cache
def spec_of(slot: int, bits: int) -> ActivationTable:
    """Return the function in a slot; no two have the same. The outputs of some saturate on either side."""
    in_scale = IN_SCALES[slot % 3]
    kind = FUNCTIONS[slot % 4]
    # The last slots have steps so fine that outputs saturate.
    out_scale = in_scale / (1, 2, 3, 200)[slot // 4] / (1 if bits == 8 else 100)
    return ActivationTable(kind, in_scale, out_scale, bits)


def tables(options: Mapping[str, int]) -> list[tuple[int, ...]]:
    """Return the tables of all slots of a block."""
    return [spec_of(first_slot(options) + slot, options["bits"]).table for slot in range(options["slots"])]


def first_slot(options: Mapping[str, int]) -> int:
    """Return which function is in slot 0: blocks of one slot have the function that saturates most."""
    return 0 if options["slots"] > 1 else MOST_SLOTS - 4


def setup(options: Mapping[str, int]) -> list[Ports]:
    """Return the entries of all tables, one a cycle."""
    entries = [entry for table in tables(options) for entry in table]
    return [{"write_enable": 1, "write_address": n, "write_data": entry} for n, entry in enumerate(entries)]


def case(
    options: Mapping[str, int], codes: Sequence[Sequence[int]], slots: Sequence[int], lasts: Iterable[int]
) -> Case:
    """Return words of these codes, each through the table of its slot, with what must come out."""
    found = torch.tensor(tables(options))[torch.tensor(slots)[:, None], torch.tensor(codes) - INPUT.min].tolist()
    rows = list(zip(codes, slots, found, lasts, strict=True))
    words = [{"lanes": list(lanes), "slot": slot, "last": last} for lanes, slot, _, last in rows]
    if options["slots"] == 1:
        words = [{name: value for name, value in word.items() if name != "slot"} for word in words]
    out = Fixed(options["bits"], 0)
    inputs = Counter(code for lanes in codes for code in lanes)
    outputs = Counter(code for lanes in found for code in lanes)
    met = Counter(f"slot {slot}" for slot in slots)
    met["the smallest input"] = inputs[INPUT.min]
    met["the largest input"] = inputs[INPUT.max]
    met["zero"] = inputs[0]
    met["the smallest output"] = outputs[out.min]
    met["the largest output"] = outputs[out.max]
    met["the table changes from word to word"] = sum(a != b for a, b in itertools.pairwise(slots))
    return Case(words=words, expected=[{"lanes": lanes, "last": last} for _, _, lanes, last in rows], hits=met)


def _directed(options: Mapping[str, int]) -> Case:
    """Return all inputs through every table: each lane all of them if there is one table, else spread over lanes."""
    lanes, count = options["lanes"], options["slots"]
    inputs = range(INPUT.min, INPUT.max + 1)
    if count == 1:
        # An odd step visits all 256, in another order in every lane.
        codes = [[(n * (2 * lane + 1)) % 256 + INPUT.min for lane in range(lanes)] for n in range(256)]
        slots = [0] * len(codes)
    else:
        words = grouped(inputs, lanes)
        codes = [word for word in words for _ in range(count)]
        slots = list(range(count)) * len(words)
    return case(options, codes, slots, every_fifth(len(codes)))


def _random(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> Case:
    lasts = list(row_ends(lengths))
    codes = [[rng.randint(INPUT.min, INPUT.max) for _ in range(options["lanes"])] for _ in lasts]
    return case(options, codes, [rng.randrange(options["slots"]) for _ in lasts], lasts)


ACTIVATION = Traffic(
    block="activation",
    points=(
        {"lanes": 4, "bits": 8, "slots": 1},
        {"lanes": 3, "bits": 16, "slots": 1},
        {"lanes": 1, "bits": 8, "slots": 1},
        {"lanes": 5, "bits": 16, "slots": 2},
        {"lanes": 8, "bits": 8, "slots": 4},
        {"lanes": 16, "bits": 8, "slots": 16},
    ),
    bins=BINS,
    directed=_directed,
    random=_random,
    setup=setup,
)

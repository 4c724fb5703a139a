"""Sets of the columns that drain, and those of the next ones, which come meanwhile."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.rtl.accelerator.part_bench import watch
from vitaccel_rtl.accelerator.buffer_formats import SET_BYTES, STORED_BITS
from vitaccel_rtl.accelerator.tile_sets import TileSets


def sets_at_random(rng: random.Random, side: int) -> list[int]:
    return [rng.getrandbits(STORED_BITS) for _ in range(side)]


def words_of(sets: list[int], side: int) -> list[int]:
    """Eight words of P bytes, as sets stand behind the weights of a tile."""
    raw = b"".join(one.to_bytes(SET_BYTES, "little") for one in sets)
    return [int.from_bytes(raw[at : at + side], "little") for at in range(0, len(raw), side)]


def integers(sets: Any) -> list[int]:
    return [one.as_bits() for one in sets]


@pytest.mark.parametrize("side", [4, 5, 8])
def test_sets_are_in_use_from_take_on_while_the_next_ones_come(side: int, seed: int) -> None:
    rng = random.Random(seed)
    columns = [sets_at_random(rng, side) for _ in range(6)]
    drives: list[dict[str, int]] = []
    expected: dict[int, list[int]] = {}
    for number, sets in enumerate(columns):
        as_words = number % 2 == 0
        pieces = words_of(sets, side) if as_words else sets
        valid, name = ("word_valid", "word") if as_words else ("set_valid", "set")
        if number % 3 == 1:  # the pulse comes before them
            drives.append({"begin": 1})
        for at, piece in enumerate(pieces):
            begins = at == 0 and number % 3 != 1
            drives.append({valid: 1, name: piece, "begin": int(begins)})
            if number:
                expected[len(drives) - 1] = columns[number - 1]
        expected[len(drives)] = sets
        drives.append({"take": 1})
    seen = watch(TileSets(side=side), drives, ["sets"])
    for cycle, sets in expected.items():
        assert integers(seen[cycle][0]) == sets, f"cycle {cycle}"


def test_a_set_that_comes_behind_take_is_there_a_cycle_later(seed: int) -> None:
    side = 4
    sets = sets_at_random(random.Random(seed), side)
    drives = [{"begin": 1, "take": 1}, *({"set_valid": 1, "set": one} for one in sets), {}]
    seen = watch(TileSets(side=side), drives, ["sets"])
    for number, one in enumerate(sets):
        assert integers(seen[number + 2][0])[number] == one

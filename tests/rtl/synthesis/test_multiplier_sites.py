"""Multipliers of a block get sites side by side."""

from __future__ import annotations

import random
import re
from itertools import pairwise

import pytest

from vitaccel_rtl.synthesis.devices import DEVICES
from vitaccel_rtl.synthesis.multiplier_sites import SITES, place_multipliers


def cells_of(names: list[str]) -> dict[str, dict]:
    return {name: {"type": "MULT18X18D", "attributes": {}} for name in names}


def test_there_is_a_site_for_each_multiplier_of_the_device() -> None:
    assert len(set(SITES)) == len(SITES) == DEVICES["ecp5-85k"].total.multipliers


def test_neighbours_in_the_order_are_neighbours_on_the_device() -> None:
    places = [tuple(map(int, re.findall(r"\d+", site)[:2])) for site in SITES]
    for (x, y), (next_x, next_y) in pairwise(places):
        assert abs(x - next_x) <= 7 if y == next_y else x == next_x


def test_blocks_and_lanes_stand_side_by_side(seed: int) -> None:
    ordered = [f"vector.{block}.lane{lane}.p{at}" for block in ("a", "b") for lane in range(11) for at in range(3)]
    cells = cells_of(random.Random(seed).sample(ordered, len(ordered)))
    assert place_multipliers(cells) == 66
    assert [cells[name]["attributes"]["BEL"] for name in ordered] == list(SITES[:66])


def test_other_cells_stay_free() -> None:
    cells = {"lut": {"type": "LUT4", "attributes": {}}, "mult": {"type": "MULT18X18D"}}
    assert place_multipliers(cells) == 1
    assert cells["lut"]["attributes"] == {}
    assert cells["mult"]["attributes"] == {"BEL": SITES[0]}


def test_more_multipliers_than_sites_are_refused() -> None:
    cells = cells_of([str(place) for place in range(157)])
    with pytest.raises(ValueError, match=r"^multipliers must be 156 at most, not 157$"):
        place_multipliers(cells)

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from vitaccel_sim.traffic.case import Case, Traffic, lengths_of

POINTS = tuple({"lanes": lanes} for lanes in (1, 2, 3, 4, 8))


def _directed(options: Mapping[str, int]) -> Case:
    return Case(words=[options["lanes"]], expected=[options["lanes"]])


def _random(options: Mapping[str, int], rng: random.Random, lengths: Iterable[int]) -> Case:
    words = [rng.randrange(options["lanes"]) for _ in lengths]
    return Case(words=words, expected=words)


def traffic(**changed: Any) -> Traffic:
    parts = {"block": "example", "points": POINTS, "bins": ("a", "b"), "directed": _directed, "random": _random}
    return Traffic(**{**parts, **changed})


def test_one_case_follows_another() -> None:
    first = Case(words=[1, 2], expected=[3], hits=Counter(a=2), first_row=2)
    second = Case(words=[4], expected=[5], hits=Counter(a=1, b=1))
    both = first + second
    assert (both.words, both.expected, both.first_row) == ([1, 2, 4], [3, 5], 2)
    assert both.hits == Counter(a=3, b=1)


def test_fewer_than_five_points_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^points of example must be 5 or more, not 4$"):
        traffic(points=POINTS[:4])


def test_a_bin_declared_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^bins of example must be declared once each$"):
        traffic(bins=("a", "b", "a"))


def test_nothing_is_set_up_unless_a_block_asks_for_it() -> None:
    assert traffic().setup({"lanes": 1}) == ()
    assert traffic(setup=lambda options: [{"write": options["lanes"]}]).setup({"lanes": 3}) == [{"write": 3}]


@pytest.mark.parametrize(("point", "lanes"), [({"lanes": 5}, 5), ({"side": 3, "bits": 8}, 3), ({"width": 64}, 1)])
def test_lanes_of_a_point(point: Mapping[str, int], lanes: int) -> None:
    assert traffic().lanes(point) == lanes


@pytest.mark.parametrize(("lanes", "lengths"), [(1, (1, 4)), (2, (1, 2, 5)), (8, (1, 7, 8, 11))])
def test_lengths_that_depend_on_the_lanes(lanes: int, lengths: tuple[int, ...]) -> None:
    assert lengths_of(lanes) == lengths

from __future__ import annotations

import random

import pytest

from vitaccel_sim.traffic.values import ends, every_fifth, grouped, row_ends, some_int, thinned


@pytest.mark.parametrize(("bits", "both"), [(2, (-2, 1)), (8, (-128, 127)), (16, (-32768, 32767))])
def test_the_ends_of_a_width(bits: int, both: tuple[int, int]) -> None:
    assert ends(bits) == both


@pytest.mark.parametrize("bits", [2, 8, 48])
def test_random_integers_fit_their_width_and_reach_its_ends(bits: int, seed: int) -> None:
    rng = random.Random(seed)
    drawn = {some_int(rng, bits) for _ in range(2000)}
    assert (min(drawn), max(drawn)) == ends(bits)


@pytest.mark.parametrize(
    ("count", "lanes", "words"), [(4, 2, [[0, 1], [2, 3]]), (3, 2, [[0, 1], [2, 0]]), (1, 3, [[0, 0, 0]])]
)
def test_values_side_by_side(count: int, lanes: int, words: list[list[int]]) -> None:
    assert grouped(range(count), lanes) == words


@pytest.mark.parametrize(("most", "kept"), [(10, [*range(10)]), (9, [0, 2, 4, 6, 8]), (3, [0, 4, 8]), (1, [0])])
def test_thinned_values_are_at_most_so_many(most: int, kept: list[int]) -> None:
    assert thinned(range(10), most) == kept


def test_the_last_words_of_rows() -> None:
    assert list(row_ends((1, 3, 2))) == [1, 0, 0, 1, 0, 1]
    assert every_fifth(7) == [0, 0, 0, 0, 1, 0, 0]

"""Channels of heads in the parts of several arrays: each head wholly in one, rounds filled up."""

from __future__ import annotations

import math

import pytest

from vitaccel.ir.heads import columns_of_heads, places_of_heads, whole_rounds


@pytest.mark.parametrize(
    ("heads", "dim", "side", "count", "columns"),
    [
        (3, 8, 8, 1, 24),
        (3, 6, 8, 1, 24),
        (3, 6, 8, 2, 32),
        (4, 20, 8, 2, 96),
        (5, 16, 16, 3, 96),
        (2, 9, 4, 5, 80),
        (3, 9, 12, 2, 96),
    ],
)
def test_every_head_is_in_the_part_of_its_array(heads: int, dim: int, side: int, count: int, columns: int) -> None:
    assert columns_of_heads(heads, dim, side, count) == columns
    places = places_of_heads(heads, dim, side, count).reshape(heads, dim)
    assert len(set(places.reshape(-1).tolist())) == heads * dim
    assert places.max() < columns
    for head, of_head in enumerate(places):
        turn = side if count == 1 else math.lcm(side, 8)
        assert {int(place) // turn % count for place in of_head} == {head % count}
        # In its part the head's channels follow each other, and the next head of the array follows in whole turns.
        words = [int(place) // turn // count * turn + int(place) % turn for place in of_head]
        first = head // count * -(-dim // turn) * turn
        assert words == list(range(first, first + dim))


def test_places_are_for_reading() -> None:
    with pytest.raises(ValueError, match="read-only"):
        places_of_heads(2, 4, 4, 2)[0] = 1


def test_a_round_has_a_head_for_every_array() -> None:
    assert [whole_rounds(heads, 3) for heads in (1, 3, 4, 6)] == [3, 3, 6, 6]

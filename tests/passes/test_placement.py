"""Addresses: no word is shared, words that have rested are taken first, and what fits is found."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from vitaccel.passes.placement import place


@dataclass(frozen=True)
class Need:
    name: int
    words: int
    first: int
    last: int


def needs(*rows: tuple[int, int, int]) -> list[Need]:
    return [Need(name, *row) for name, row in enumerate(rows)]


spans = st.lists(
    st.tuples(st.integers(1, 9), st.integers(0, 12), st.integers(0, 5)).map(lambda n: (n[0], n[1], n[1] + n[2])),
    max_size=14,
)


def lowest(items: list[Need], capacity: int) -> bool:
    """Whether first fit alone places everything, tried word by word."""
    placed: dict[Need, range] = {}
    for item in items:
        alive = [own for other, own in placed.items() if other.first <= item.last and item.first <= other.last]
        taken = {word for own in alive for word in own}
        starts = (s for s in range(capacity) if not taken & set(range(s, s + item.words)))
        start = next(starts, capacity)
        if start + item.words > capacity:
            return False
        placed[item] = range(start, start + item.words)
    return True


@given(spans, st.integers(1, 40))
def test_no_word_is_shared_and_room_that_first_fit_finds_is_found(
    rows: list[tuple[int, int, int]], capacity: int
) -> None:
    items = needs(*rows)
    placed = place(items, capacity)
    orders = (lambda i: (i.first, -i.words)), (lambda i: (-i.words, i.first))
    fits = any(lowest(sorted(items, key=order), capacity) for order in orders)
    if not isinstance(placed, dict):
        assert placed in items
        assert not fits
        return
    assert set(placed) == set(items)
    assert all(start >= 0 and start + item.words <= capacity for item, start in placed.items())
    for (one, at), (two, to) in combinations(placed.items(), 2):
        if one.first <= two.last and two.first <= one.last:
            assert at + one.words <= to or to + two.words <= at


def test_free_words_are_taken_before_words_that_were_just_used() -> None:
    one, two, three = items = needs((4, 0, 1), (4, 2, 3), (4, 4, 5))
    assert place(items, 12) == {one: 0, two: 4, three: 8}
    # Of words that were used, those that have rested longest.
    assert place(items, 8) == {one: 0, two: 4, three: 0}
    assert place(items, 4) == {one: 0, two: 0, three: 0}


def test_a_place_may_span_what_several_left() -> None:
    one, two, three = items = needs((3, 0, 0), (3, 0, 1), (5, 2, 2))
    assert place(items, 6) == {one: 0, two: 3, three: 0}


def test_where_spreading_out_leaves_no_room_the_lowest_words_are_taken() -> None:
    """The second would rest on words 2 and 3, and cut what the third needs in two."""
    one, two, three = items = needs((2, 0, 0), (2, 1, 2), (3, 2, 2))
    assert place(items, 5) == {one: 0, two: 0, three: 2}


def test_what_finds_no_room_is_named() -> None:
    one, two = needs((3, 0, 1), (3, 1, 1))
    assert place([one, two], 5) == two
    assert place([], 0) == {}

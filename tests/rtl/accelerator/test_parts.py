"""The address space of a buffer's parts."""

from __future__ import annotations

from itertools import product

import pytest

from vitaccel_rtl.accelerator.parts import Parts, Turns, turn_words


@pytest.mark.parametrize(("count", "words"), [(1, 96), (2, 64), (3, 72), (8, 8)])
def test_every_word_of_every_part_has_an_address_of_its_own(count: int, words: int) -> None:
    parts = Parts(count=count, words=words)
    places = {parts.place(part, word): (part, word) for part in range(count) for word in range(words)}
    assert len(places) == count * words
    assert max(places) < parts.words_of_all
    for place, (part, word) in places.items():
        assert (place >> parts.bits, place & (1 << parts.bits) - 1) == (part, word)
        assert part < 1 << parts.part_bits
        assert place % 8 == word % 8


def test_one_part_is_the_buffer_itself() -> None:
    parts = Parts(words=96)
    assert (parts.words_of_all, parts.part_bits) == (96, 0)
    assert [parts.place(0, word) for word in range(96)] == list(range(96))


@pytest.mark.parametrize(
    ("count", "words", "sentence"),
    [
        (9, 8, "parts of a buffer must be 1 to 8, not 9"),
        (0, 8, "parts of a buffer must be 1 to 8, not 0"),
        (2, 0, "words of a part must be 1 or more, not 0"),
        (3, (1 << 18) + 8, "words of all parts must be 1048576 or fewer, not 1572864"),
    ],
)
def test_parts_that_cannot_be_are_refused(count: int, words: int, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Parts(count=count, words=words)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("side", range(4, 33))
def test_tiles_stand_in_parts_by_turns_of_whole_frames(side: int, count: int) -> None:
    turns = Turns(side, count)
    assert turn_words(side) == turns.words == min(words for words in range(side, 8 * side + 1, side) if words % 8 == 0)
    assert turns.words == turns.tiles * side
    assert turns.tiles == 1 << turns.tile_bits
    tiles = [(turns.part(tile), turns.place(tile)) for tile in range(3 * turns.tiles * count)]
    # Part after part has its turn, and in each part tiles follow each other.
    expected = [
        (part, cycle * turns.tiles + nth) for cycle, part, nth in product(range(3), range(count), range(turns.tiles))
    ]
    assert tiles == expected
    for many in range(1, len(tiles) + 1):
        assert turns.most(many) == 1 + max(place for _, place in tiles[:many])


@pytest.mark.parametrize(("side", "count"), [(5, 1), (5, 2), (6, 3), (8, 2), (12, 2), (31, 2)])
def test_channels_stand_in_their_tiles(side: int, count: int) -> None:
    turns = Turns(side, count)
    places = []
    for channel in range(3 * turns.words * count):
        tile, lane = divmod(channel, side)
        assert turns.part_of_channel(channel) == turns.part(tile)
        assert turns.word(channel) == turns.place(tile) * side + lane
        places.append((turns.part(tile), turns.word(channel)))
        assert turns.most_channels(channel + 1) == sum(part == 0 for part, _ in places)
    assert len(set(places)) == len(places)


def test_a_round_is_a_turn_for_every_part_and_of_one_part_a_tile() -> None:
    assert [Turns(12, count).round_tiles for count in (1, 2, 3)] == [1, 4, 6]

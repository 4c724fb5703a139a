"""The address space of a buffer's parts."""

from __future__ import annotations

import pytest

from vitaccel_rtl.accelerator.parts import Parts


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

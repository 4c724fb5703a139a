"""The parts of a buffer of several arrays, one an array, as one space of addresses. Pure Python."""

from __future__ import annotations

from dataclasses import dataclass

MOST_PARTS = 8
"""Arrays side by side, at most."""

MOST_WORDS = 1 << 20
"""Of all parts together: what an address has bits for."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A buffer of ``count`` parts, which clients that share it see as one: word w of part p is ``p << bits | w``.

    Parameters
    ----------
    count
        Parts, 1 to 8.
    words
        Of each of them.

    Raises
    ------
    ValueError
        If there are no such parts, or their addresses have more than 20 bits.
    """

    count: int = 1
    words: int

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST_PARTS:
            raise ValueError(f"parts of a buffer must be 1 to {MOST_PARTS}, not {self.count}")
        if self.words < 1:
            raise ValueError(f"words of a part must be 1 or more, not {self.words}")
        if self.words_of_all > MOST_WORDS:
            raise ValueError(f"words of all parts must be {MOST_WORDS} or fewer, not {self.words_of_all}")

    @property
    def bits(self) -> int:
        """Bits of an address that say which word of a part it is."""
        return (self.words - 1).bit_length()

    @property
    def part_bits(self) -> int:
        """Bits of an address, above those, that say which part it is in."""
        return (self.count - 1).bit_length()

    @property
    def words_of_all(self) -> int:
        """Addresses of the space; those between the parts are nobody's."""
        return self.count << self.bits if self.count > 1 else self.words

    def place(self, part: int, word: int) -> int:
        """Return the address of a word of a part."""
        return part << self.bits | word

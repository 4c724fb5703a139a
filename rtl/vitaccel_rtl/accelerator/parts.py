"""The parts of a buffer of several arrays, one an array, as one space of addresses, and their turns. Pure Python."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm
from typing import Any

from vitaccel_rtl.latency import SLOTS

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


def turn_words(side: int) -> int:
    """Return the words of a turn of tiles of P words: as few tiles as fill whole frames."""
    return lcm(side, SLOTS)


@dataclass(frozen=True)
class Turns:
    """Which tiles of P words stand in which of the parts: some in one part, as many in the next, and so on.

    A turn has as few tiles as fill whole frames of 8 words: 1 where P is a multiple of 8, 2 of 12, 8 of an odd P. So
    what reads words of one part behind those of another begins a frame there, and goes on without a gap. Tiles and
    channels may be numbers or arrays of numbers.

    Parameters
    ----------
    side
        P, the words of a tile and its channels.
    parts
        How many take turns.
    """

    side: int
    parts: int

    @property
    def words(self) -> int:
        """Of a turn."""
        return turn_words(self.side)

    @property
    def tiles(self) -> int:
        """Of a turn, a power of two."""
        return self.words // self.side

    @property
    def tile_bits(self) -> int:
        """Low bits of a tile's number, which say which of its turn it is."""
        return self.tiles.bit_length() - 1

    @property
    def round_tiles(self) -> int:
        """Of a round, in which every part has a turn; with one part, which has all tiles, a round is a tile."""
        return self.tiles * self.parts if self.parts > 1 else 1

    def part(self, tile: Any) -> Any:
        """Return the part that a tile is in."""
        return tile // self.tiles % self.parts

    def place(self, tile: Any) -> Any:
        """Return how many tiles are before it in that part."""
        return tile // (self.tiles * self.parts) * self.tiles + tile % self.tiles

    def part_of_channel(self, channel: Any) -> Any:
        """Return the part that a channel's tile is in."""
        return channel // self.words % self.parts

    def word(self, channel: Any) -> Any:
        """Return how many words are before a channel's in its part, of a row-block."""
        return channel // (self.words * self.parts) * self.words + channel % self.words

    def most(self, tiles: int) -> int:
        """Return the tiles of part 0, of so many: no part has more."""
        return self._of_part_0(tiles, self.tiles)

    def most_channels(self, channels: int) -> int:
        """Return the channels of part 0, of so many: no part has more."""
        return self._of_part_0(channels, self.words)

    def _of_part_0(self, count: int, turn: int) -> int:
        rounds, rest = divmod(count, turn * self.parts)
        return rounds * turn + min(rest, turn)

"""Where words stand in the parts of a buffer: what every engine that goes through them is compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vitaccel_rtl.accelerator.parts import Parts


@dataclass(frozen=True)
class PartPlaces:
    """Addresses of the words of tensors, by the layout that a Program has for several arrays.

    Parameters
    ----------
    parts
        Of the buffer.
    side
        P.
    """

    parts: Parts
    side: int

    @property
    def turn(self) -> int:
        """Words of a turn: as few tiles as fill whole frames of 8."""
        return math.lcm(self.side, 8)

    def own_tile(self, tile: int) -> tuple[int, int]:
        """Part of a tile, and how many are before it there."""
        tiles = self.turn // self.side
        turn, nth = divmod(tile, tiles)
        cycle, part = divmod(turn, self.parts.count)
        return part, cycle * tiles + nth

    def of_word(self, address: int, word: int, frame: int = 0) -> int:
        """Word *word* of a token-lane row-block, or of its plane, whose turns stand in one part after another.

        Its first one is at the *address*, of any part, and so many frames of 8 words of its turn are before it.
        """
        if self.parts.count == 1:
            return address + word
        first_part, first = divmod(address, 1 << self.parts.bits)
        turn, within = divmod(8 * frame + word, self.turn)
        cycle, part = divmod(first_part + turn, self.parts.count)
        return self.parts.place(part, first - 8 * frame + cycle * self.turn + within)

    def words_of(self, words: int) -> int:
        """Words of a part that so many of a row-block take, which begins in part 0."""
        if self.parts.count == 1:
            return words
        return -(-words // (self.turn * self.parts.count)) * self.turn

    def of_token(self, address: int, step: int, tile: int, token: int) -> int:
        """Word *token* of a channel-lane tile, *step* words from the one before it in its part."""
        part, own = self.own_tile(tile)
        return self.parts.place(part, address + own * step + token)

    def of_row(self, address: int, step: int, row: int, word: int, *, by_tiles: int, is_wide: int) -> int:
        """Word *word* of a transfer's row: a plane of a tile, or a row in all parts."""
        if not by_tiles:
            return self.of_word(address + row * step, word)
        tile, plane = divmod(row, 1 + is_wide)
        part, own = self.own_tile(tile)
        return self.parts.place(part, address + (own * (1 + is_wide) + plane) * step + word)

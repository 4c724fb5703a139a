"""Where words stand in the parts of a buffer: what every engine that goes through them is compared with."""

from __future__ import annotations

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

    def of_word(self, address: int, word: int, frame: int = 0) -> int:
        """Word *word* of a token-lane row-block, or of its plane, whose tiles stand in one part after another.

        Its first one is at the *address*, of any part, and so many frames of 8 words of its tile are before it.
        """
        first_part, first = divmod(address, 1 << self.parts.bits)
        tile, within = divmod(8 * frame + word, self.side)
        turn, part = divmod(first_part + tile, self.parts.count)
        return self.parts.place(part, first - 8 * frame + turn * self.side + within)

    def words_of(self, words: int) -> int:
        """Words of a part that so many of a row-block take, which begins in part 0."""
        if self.parts.count == 1:
            return words
        return -(-words // (self.side * self.parts.count)) * self.side

    def of_token(self, address: int, step: int, tile: int, token: int) -> int:
        """Word *token* of a channel-lane tile, *step* words from the one before it in its part."""
        turn, part = divmod(tile, self.parts.count)
        return self.parts.place(part, address + turn * step + token)

    def of_row(self, address: int, step: int, row: int, word: int, *, by_tiles: int, is_wide: int) -> int:
        """Word *word* of a transfer's row: a plane of a tile, or a row in all parts."""
        if not by_tiles:
            return self.of_word(address + row * step, word)
        tile, plane = divmod(row, 1 + is_wide)
        turn, part = divmod(tile, self.parts.count)
        return self.parts.place(part, address + (turn * (1 + is_wide) + plane) * step + word)

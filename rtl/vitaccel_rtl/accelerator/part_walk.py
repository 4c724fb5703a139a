"""From one chunk of words to the next where tiles of P words stand in the parts of a buffer by turns."""

from amaranth.hdl import Cat, Mux, Value

from vitaccel_rtl.accelerator.parts import Parts, Turns
from vitaccel_rtl.latency import SLOTS


class PartWalk:
    """The way through a row-block, token-lane, or from tile to tile of channels, channel-lane.

    Tiles stand in the parts as :class:`~vitaccel_rtl.accelerator.parts.Turns` says: what is behind the last word of a
    turn is in the next part, where the turn began, or behind the last part in part 0. With one part it is simply the
    next one, and nothing is built.

    Parameters
    ----------
    parts
        Of the buffer, :class:`~vitaccel_rtl.accelerator.parts.Parts`.
    side
        P.
    chunk
        Words of a chunk: those of a frame, or one.

    Attributes
    ----------
    positions
        Chunks of a turn; of one part, whose turns need not be told apart, 1.
    turn_tiles
        Tiles of a turn, a power of two; of one part 1.
    """

    def __init__(self, *, parts: Parts, side: int, chunk: int = SLOTS):
        turns, has_turns = Turns(side, parts.count), parts.count > 1
        self._parts = parts
        self._words = turns.words
        self.positions = turns.words // chunk if has_turns else 1
        self.turn_tiles = turns.tiles if has_turns else 1
        self._tile_bits = turns.tile_bits

    def position_behind(self, position, *, last=None):
        """Return which chunk of its turn the chunk behind another one is; *last* as in :meth:`behind`."""
        if self.positions == 1 and last is None:
            return 0
        return Mux(self._is_last(position, last), 0, position + 1)

    def behind(self, place, position, words, *, last=None):
        """Return the address of the chunk behind another one.

        Parameters
        ----------
        place, position
            The address of that one, and which of its turn it is.
        words
            How many it has: behind less than a whole chunk nothing is, and the address means nothing.
        last
            Which chunk of a turn is the last, where some of them are smaller.
        """
        if self._parts.count == 1:
            return place + words
        ends = self._is_last(position, last)
        begins_anew = ends & ~self._is_last_part(place)
        return self._moved(place, Mux(begins_anew, words - self._words, words), goes_on=ends)

    def next_turn(self, place):
        """Return where a row-block goes on behind the turn that begins at *place*."""
        if self._parts.count == 1:
            return place + self._words
        return self._moved(place, Mux(self._is_last_part(place), self._words, 0), goes_on=1)

    def ends_turn(self, tile):
        """Return whether a tile is the last one of its turn; *tile* is how many are before it, of all parts or one."""
        if self.turn_tiles == 1:
            return 1
        return tile[: self._tile_bits] == self.turn_tiles - 1

    def next_tile(self, place, step, tile, *, goes_on=1, back=0):
        """Return where the next tile begins.

        Parameters
        ----------
        place
            An address in the tile before it.
        step
            Words from there to the next tile in the same part.
        tile
            How many tiles are before that one.
        goes_on
            Without it, what comes next is of the same tile, *step* words behind.
        back
            Words from the beginning of the tile to *place*.
        """
        if self._parts.count == 1:
            return place + step
        leaves = goes_on & self.ends_turn(tile)
        begins_anew = leaves & ~self._is_last_part(place)
        if self.turn_tiles == 1:
            return self._moved(place, Mux(begins_anew, -back, step), goes_on=leaves)
        of_turn = Value.cast((step + back) << self._tile_bits)[: self._parts.bits]
        return self._moved(place, step - Mux(begins_anew, of_turn, 0), goes_on=leaves)

    def next_row(self, place, rows, tile, *, second):
        """Return where the next row of a transfer begins.

        Parameters
        ----------
        place
            Where the one before it does.
        rows
            ``step`` from a row to the next in the same part; ``by_tiles``: a row is a tile of one part, or ``is_wide``
            one of its two planes; else every row begins in part 0.
        tile
            How many tiles are before the row's.
        second
            The row at *place* is the second plane of a tile, if it is one of two.
        """
        if self._parts.count == 1:
            return place + rows.step
        back = Mux(rows.is_wide, rows.step, 0)
        return self.next_tile(place, rows.step, tile, goes_on=self.ends_tile(rows, second=second), back=back)

    def ends_tile(self, rows, *, second):
        """Return whether a row ends a tile of one part."""
        return rows.by_tiles & (~rows.is_wide | second)

    def _is_last(self, position, last):
        return position == (self.positions - 1 if last is None else last)

    def _moved(self, place, distance, *, goes_on):
        """Return an address so many words further in its part, or in the one behind it."""
        part = place[self._parts.bits :][: self._parts.part_bits]
        next_part = Mux(goes_on, Mux(self._is_last_part(place), 0, part + 1), part)
        return Cat((place[: self._parts.bits] + distance)[: self._parts.bits], next_part[: self._parts.part_bits])

    def _is_last_part(self, place):
        return place[self._parts.bits :][: self._parts.part_bits] == self._parts.count - 1

"""From one chunk of words to the next where tiles of P words stand in the parts of a buffer in turn."""

from amaranth.hdl import Cat, Mux

from vitaccel_rtl.accelerator.parts import Parts
from vitaccel_rtl.latency import SLOTS


def check_tiles(parts: Parts, side: int):
    """Raise a ValueError of one sentence if the words of a frame might be in tiles of several parts."""
    if parts.count > 1 and side % SLOTS:
        raise ValueError(f"side of a machine with several arrays must be a multiple of {SLOTS}, not {side}")


class PartWalk:
    """The way through a row-block, token-lane, or from tile to tile of channels, channel-lane.

    Of a row-block tile t stands in part ``t % count``, ``t // count`` times P words behind the address; so the chunk
    behind the last one of a tile is in the next part, where the tile began, or behind the last part in part 0. With one
    part it is simply the next one, and nothing is built.

    Parameters
    ----------
    parts
        Of the buffer, :class:`~vitaccel_rtl.accelerator.parts.Parts`.
    side
        P: with several parts a multiple of 8.
    chunk
        Words of a chunk: those of a frame, or one.

    Attributes
    ----------
    positions
        Chunks of a tile; of one part, whose tiles need not be told apart, 1.

    Raises
    ------
    ValueError
        If a frame's words would not all be in one tile.
    """

    def __init__(self, *, parts: Parts, side: int, chunk: int = SLOTS):
        check_tiles(parts, side)
        self._parts = parts
        self._side = side
        self._chunk = chunk
        self.positions = side // chunk if parts.count > 1 else 1

    def position_behind(self, position):
        """Return which chunk of its tile the chunk behind another one is."""
        if self.positions == 1:
            return 0
        return Mux(position == self.positions - 1, 0, position + 1)

    def behind(self, place, position, words):
        """Return the address of the chunk behind another one.

        Parameters
        ----------
        place, position
            The address of that one, and which of its tile it is.
        words
            How many it has: behind less than a whole chunk nothing is, and the address means nothing.
        """
        if self._parts.count == 1:
            return place + words
        ends = position == self.positions - 1
        back = Mux(self._is_last_part(place), self._chunk, self._chunk - self._side)
        return self._moved(place, Mux(ends, back, words), goes_on=ends)

    def next_tile(self, place, step, *, goes_on=1, back=0):
        """Return where the next tile begins.

        Parameters
        ----------
        place
            An address in the tile before it.
        step
            Words from there to the next tile in the same part.
        goes_on
            Without it, what comes next is of the same tile, *step* words behind.
        back
            Words from the beginning of the tile to *place*.
        """
        if self._parts.count == 1:
            return place + step
        stays_at = goes_on & ~self._is_last_part(place)
        return self._moved(place, Mux(stays_at, -back, step), goes_on=goes_on)

    def next_row(self, place, rows, *, second):
        """Return where the next row of a transfer begins.

        Parameters
        ----------
        place
            Where the one before it does.
        rows
            ``step`` from a row to the next in the same part; ``by_tiles``: a row is a tile of one part, or ``is_wide``
            one of its two planes; else every row begins in part 0.
        second
            The row at *place* is the second plane of a tile, if it is one of two.
        """
        if self._parts.count == 1:
            return place + rows.step
        goes_on = rows.by_tiles & (~rows.is_wide | second)
        return self.next_tile(place, rows.step, goes_on=goes_on, back=Mux(rows.is_wide, rows.step, 0))

    def _moved(self, place, distance, *, goes_on):
        """Return an address so many words further in its part, or in the one behind it."""
        part = place[self._parts.bits :][: self._parts.part_bits]
        next_part = Mux(goes_on, Mux(self._is_last_part(place), 0, part + 1), part)
        return Cat((place[: self._parts.bits] + distance)[: self._parts.bits], next_part[: self._parts.part_bits])

    def _is_last_part(self, place):
        return place[self._parts.bits :][: self._parts.part_bits] == self._parts.count - 1

"""Runs of the words of a job's rows."""

from amaranth.hdl import Const, Mux
from amaranth.lib import data

from vitaccel_rtl.accelerator import isa
from vitaccel_rtl.accelerator.part_walk import PartWalk
from vitaccel_rtl.accelerator.parts import Turns
from vitaccel_rtl.split import Split

_ROWS = {"address": isa.WORD_ADDRESS, "step": isa.STEP, "rows": isa.COUNT, "row_words": isa.COUNT, "is_last": 1}


def rows_layout(parts):
    """Layout of the rows of a job: the first one's address, how many there are, and how they lie in *parts*."""
    return data.StructLayout(_ROWS | ({"by_tiles": 1, "is_wide": 1} if parts.count > 1 else {}))


class RowRuns(Split):
    """The runs of a job: as many words as a row has, from the first one's address on every ``step`` words.

    Parameters
    ----------
    run
        Layout of a run: ``address``, ``count``, ``last`` (of the job).
    """

    def __init__(self, run):
        state = {**_ROWS, "next_address": isa.WORD_ADDRESS}
        super().__init__(i=data.StructLayout(_ROWS), o=run, state=data.StructLayout(state))

    def taken(self, m, word):
        return {name: word[name] for name in _ROWS} | {"next_address": word.address + word.step}

    def piece(self, m, state):
        run = {"address": state.address, "count": state.row_words, "last": state.is_last}
        rest = {
            "address": state.next_address,
            "next_address": state.next_address + state.step,
            "rows": state.rows - 1,
            "is_last": state.rows == 2,
        }
        return run, state.is_last, rest


class TileRuns(Split):
    """The runs of a job where a buffer has several parts: of a turn's words, or ``by_tiles`` of as many as a row has.

    They come when those of :class:`RowRuns` would, as long as a run is not asked for sooner than 8 cycles behind the
    one before it.

    Parameters
    ----------
    run
        Of :class:`RowRuns`.
    parts
        Of the buffer.
    side
        P.
    """

    def __init__(self, run, *, parts, side):
        self._walk = walk = PartWalk(parts=parts, side=side)
        self._turn = Turns(side, parts.count).words
        rows = rows_layout(parts)
        self._kept = rows.members
        # Of the row behind this one: where it is, of which tile of a turn, and whether it is the second plane.
        behind = {"next_row": isa.WORD_ADDRESS, "second": 1, "tile": range(walk.turn_tiles)}
        state = {**rows.members, **behind, "left": isa.COUNT}
        super().__init__(i=rows, o=run, state=data.StructLayout(state))

    def taken(self, m, word):
        walk = self._walk
        begins = {
            "next_row": walk.next_row(word.address, word, Const(0, range(walk.turn_tiles)), second=0),
            "second": 1,
            "tile": walk.ends_tile(word, second=0),
            "left": word.row_words,
        }
        return {name: word[name] for name in self._kept} | begins

    def piece(self, m, state):
        walk = self._walk
        ends_row = state.by_tiles | (state.left <= self._turn)
        run = {
            "address": state.address,
            "count": Mux(ends_row, state.left, self._turn),
            "last": state.is_last & ends_row,
        }
        next_row = walk.next_row(state.next_row, state, state.tile, second=state.second)
        rest = {
            "address": Mux(ends_row, state.next_row, walk.next_turn(state.address)),
            "left": Mux(ends_row, state.row_words, state.left - self._turn),
            "next_row": Mux(ends_row, next_row, state.next_row),
            "second": state.second ^ ends_row,
            "tile": state.tile + (ends_row & walk.ends_tile(state, second=state.second)),
            "rows": state.rows - ends_row,
            "is_last": Mux(ends_row, state.rows == 2, state.is_last),
        }
        return run, run["last"], rest

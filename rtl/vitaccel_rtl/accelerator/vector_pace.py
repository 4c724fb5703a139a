"""The times in a lane instruction, and what follows from them: one formula for assembler, cost model and tests.

Pure Python. All times are in frames of 8 cycles, of row-blocks that begin at a frame's start.
"""

from __future__ import annotations

from dataclasses import dataclass

from vitaccel_rtl import latency

LAYERNORM = "layernorm"

OPERAND_CLIENTS = (3, 4, 5)
"""Of the activation buffer: low and high bytes of operand a, operand b."""

LARGEST_WAIT = latency.SLOTS - 1
"""Cycles that a run waits for its first bank at most."""

LEAD = 1
"""Frames from the acceptance of an instruction to its first row-block: its first parameter sets are read."""


@dataclass(frozen=True, kw_only=True)
class VectorPace:
    """Times of a lane instruction.

    Parameters
    ----------
    interval
        From a row-block to the next; those of a LayerNorm are streamed twice each.
    scale
        From a row-block to where it may be streamed the second time; 0 if that is not done.
    result
        From the last row-block to its result being there, for runs that start then or later.
    drain
        From where the next instruction could come, ``interval`` after the last row-block, to where it may.
    is_asked
        Whether moments are asked for, and row-blocks streamed once: ``scale`` counts from there, of the first row-block
        from where it could begin without, of the others from the row-block before.
    """

    interval: int
    scale: int
    result: int
    drain: int
    is_asked: bool = False

    def starts(self, row_blocks: int) -> tuple[int, ...]:
        """Frames from the acceptance of an instruction to each row-block, where it is streamed twice to the second."""
        if not self.scale:
            return tuple(LEAD + place * self.interval for place in range(row_blocks))
        if self.is_asked:
            return tuple(LEAD + self.scale + place * max(self.interval, self.scale) for place in range(row_blocks))
        moments: list[int] = []
        normal: list[int] = []
        start = LEAD
        while len(normal) < row_blocks:
            if len(moments) < min(row_blocks, len(normal) + 2):
                moments.append(start)
            else:
                start = max(start, moments[len(normal)] + self.scale)
                normal.append(start)
            start += self.interval
        return tuple(normal)

    def occupied(self, row_blocks: int) -> int:
        """Frames from the acceptance of an instruction to where the next may be accepted."""
        return self.starts(row_blocks)[-1] + self.interval + self.drain

    def done_cycles(self, row_blocks: int) -> int:
        """Cycles from the acceptance of an instruction to its ``done``."""
        return latency.SLOTS * (self.starts(row_blocks)[-1] + self.result) - latency.SLOTS // 2


def vector_pace(
    *,
    side: int,
    function: str,
    channels: int,
    last_rows: int,
    a_is_wide: bool = False,
    has_b: bool = False,
    by_rows: bool = False,
    moves: bool = False,
    has_moments: bool = False,
    arrays: int = 1,
    spread: int = 0,
) -> VectorPace:
    """Return the shortest times at which the engine is right.

    A frame has 8 words of a row-block, and with results by rows less at the end of a tile of P channels. Second
    operands of int16 take a frame for low and a frame for high bytes, and tokens that move by lanes the frame before
    for the row-block that some of them come from. Runs of a client follow each other if the later
    one does not have to wait so much less for its bank that it would come too early; that never happens where all
    row-blocks begin at a multiple of 8 words, and P is one or results are not by rows.

    Parameters
    ----------
    side
        P.
    function, channels, last_rows, a_is_wide, has_b, by_rows
        Fields of the instruction, the function by name.
    moves
        Tokens move by lanes: ``shift`` is not 0.
    has_moments
        Moments were taken as the rows drained.
    arrays
        How many have a part of them.
    spread
        Of an operand's (or token-lane result's) row-blocks that begin elsewhere than at multiples of 8 words: by how
        much the wait of one may exceed that of the next, 7 at most. 0 also where all of them begin at the same bank,
        unless results are by rows and P is no multiple of 8.
    """
    tiles = _divide(channels, side)
    if by_rows:
        frames = tiles * _divide(side, latency.SLOTS)
        before = (tiles - 1) * side + (side - 1) // latency.SLOTS * latency.SLOTS
    else:
        frames = _divide(channels, latency.SLOTS)
        before = (frames - 1) * latency.SLOTS
    last_words = max(channels - before, 0)
    if moves or (has_b and a_is_wide):
        frames *= 2
    clients = [client for client, used in zip(OPERAND_CLIENTS, (True, a_is_wide, has_b or moves), strict=True) if used]
    if before % latency.SLOTS:
        spread = LARGEST_WAIT if spread else _spread_in(before, clients)
    interval = _divide(latency.SLOTS * (frames - 1) + last_words + spread, latency.SLOTS)
    interval, scale = max(interval, frames), 0
    if function == LAYERNORM:
        interval = max(interval, _divide(side, latency.SLOTS))
        streamed = latency.vector_drained(arrays) if has_moments else channels - 1 + latency.VECTOR_MOMENTS
        scale = _divide(streamed + side - 1, latency.SLOTS)
    written = latency.SLOTS * (frames - 1) + latency.READ_RUN + latency.VECTOR + latency.WRITE_RUN
    if by_rows:
        written += (side - 1) % latency.SLOTS + latency.TRANSPOSER + last_rows
    else:
        written += last_words
    drain = latency.vector_rows_drain(side) if by_rows else 0
    result = _divide(written, latency.SLOTS)
    return VectorPace(interval=interval, scale=scale, result=result, drain=drain, is_asked=has_moments)


def _spread_in(before: int, clients: list[int]) -> int:
    """By how much the last words of a row-block, so many behind its first, wait longer than the next one's first."""
    waits = [(-client - 1) % latency.SLOTS for client in clients]
    return max((wait + before) % latency.SLOTS - wait for wait in waits)


def _divide(cycles: int, by: int) -> int:
    return -(-cycles // by)

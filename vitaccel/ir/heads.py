"""Where channels of heads stand, when every array takes a head for itself."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from vitaccel.ir.rows import ceil_div
from vitaccel_rtl.accelerator.parts import turn_words


def columns_of_heads(heads: int, dim: int, side: int, count: int) -> int:
    """Channels that *heads* heads of *dim* take on *count* arrays: whole turns a head, whole rounds of heads."""
    return whole_rounds(heads, count) * channels_of_head(dim, side, count)


def channels_of_head(dim: int, side: int, count: int) -> int:
    """Channels that a head of *dim* takes: whole tiles of P, and of several arrays whole turns of its own."""
    unit = _unit(side, count)
    return ceil_div(dim, unit) * unit


def _unit(side: int, count: int) -> int:
    return side if count == 1 else turn_words(side)


def whole_rounds(heads: int, count: int) -> int:
    """Heads and what fills up the last round, in which some arrays may have none."""
    return ceil_div(heads, count) * count


@lru_cache(maxsize=256)
def places_of_heads(heads: int, dim: int, side: int, count: int) -> np.ndarray:
    """Place of each channel of each head, ``[heads * dim]``.

    Head h is that of array ``h % count`` in round ``h // count``. All its channels stand in the part of the buffer that
    is this array's: turn i of the head is turn ``(h // count * turns + i) * count + h % count`` of the tensor.
    """
    unit = _unit(side, count)
    head, channel = np.divmod(np.arange(heads * dim), dim)
    turn = (head // count * ceil_div(dim, unit) + channel // unit) * count + head % count
    places: np.ndarray = turn * unit + channel % unit
    places.flags.writeable = False
    return places

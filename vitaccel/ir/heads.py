"""Where channels of heads stand, when every array takes a head for itself."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from vitaccel.ir.rows import ceil_div


def columns_of_heads(heads: int, dim: int, side: int, count: int) -> int:
    """Channels that *heads* heads of *dim* take on *count* arrays: whole tiles of P a head, whole rounds of heads."""
    return whole_rounds(heads, count) * ceil_div(dim, side) * side


def whole_rounds(heads: int, count: int) -> int:
    """Heads and what fills up the last round, in which some arrays may have none."""
    return ceil_div(heads, count) * count


@lru_cache(maxsize=256)
def places_of_heads(heads: int, dim: int, side: int, count: int) -> np.ndarray:
    """Place of each channel of each head, ``[heads * dim]``.

    Head h is that of array ``h % count`` in round ``h // count``. All its tiles stand in the part of the buffer that is
    this array's: tile i of the head is tile ``(h // count * tiles + i) * count + h % count`` of the tensor.
    """
    tiles = ceil_div(dim, side)
    head, channel = np.divmod(np.arange(heads * dim), dim)
    tile = (head // count * tiles + channel // side) * count + head % count
    places: np.ndarray = tile * side + channel % side
    places.flags.writeable = False
    return places

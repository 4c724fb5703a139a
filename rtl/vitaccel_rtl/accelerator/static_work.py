"""What instructions take in an engine whose times are static: their fields, in frames, as formulas. Pure Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from vitaccel_rtl import latency
from vitaccel_rtl.accelerator.isa import LANE_FUNCTIONS
from vitaccel_rtl.accelerator.pace import KEPT_AHEAD, lead
from vitaccel_rtl.accelerator.vector_pace import LAYERNORM, VectorPace

Fields = Mapping[str, int]
"""Those of an instruction that are not 0, by name."""


class Work(NamedTuple):
    """Frames that an instruction takes in an engine whose times are static.

    Parameters
    ----------
    occupied
        From its acceptance to where the next may be accepted.
    result
        From its acceptance to where its result is there.
    """

    occupied: int
    result: int


def matmul_work(fields: Fields, side: int) -> Work:
    """Return the frames of a matmul: the tiles of a column an ``interval`` apart, the first ``first_interval``."""
    rows, columns = fields["row_blocks"], fields["n_tiles"]
    first, interval = fields["first_interval"], fields["interval"]
    occupied = lead(fields["depth"], side) + columns * (first + (rows - 1) * interval)
    last = occupied - (interval if rows > 1 else first)
    return Work(occupied, last + fields["result"])


def attention_work(fields: Fields, side: int) -> Work:
    """Return the frames of attention: see :class:`vitaccel_rtl.accelerator.attention_nest.AttentionNest`."""
    if fields.get("mode", 0):
        return _transposed_work(fields, side)
    blocks = fields["frames"] * fields["heads"] * fields["row_blocks"]
    last = lead(fields["head_dim"], side) + last_values(
        blocks,
        fields["key_blocks"] * fields["logits_interval"],
        (fields["key_blocks"] - 1) * fields["logits_interval"] + fields["statistics"],
        fields["value_tiles"] * fields["values_interval"],
        1 if fields.get("one_in_flight", 0) else 2,
    )
    values = fields["values_interval"]
    return Work(last + fields["value_tiles"] * values, last + (fields["value_tiles"] - 1) * values + fields["result"])


def statistics_wait(fields: Fields, side: int) -> int:
    """Return the frames in which attention lets the array wait for statistics of the softmax: those without tiles."""
    if fields.get("mode", 0):
        return 0
    blocks = fields["frames"] * fields["heads"] * fields["row_blocks"]
    of_block = fields["key_blocks"] * fields["logits_interval"] + fields["value_tiles"] * fields["values_interval"]
    return attention_work(fields, side).occupied - lead(fields["head_dim"], side) - blocks * of_block


def _transposed_work(fields: Fields, side: int) -> Work:
    """With kept logits, of two digits: see :class:`vitaccel_rtl.accelerator.transposed_nest.TransposedNest`."""
    tiles = fields["frames"] * fields["heads"] * fields["row_blocks"] * fields["value_tiles"]
    low = fields["values_interval"]
    end = lead(fields["keys"], side) + tiles * (fields["logits_interval"] + low)
    return Work(end + KEPT_AHEAD, end - low + fields["result"])


@lru_cache(maxsize=1 << 12)
def last_values(blocks: int, logits: int, statistics: int, values: int, in_flight: int) -> int:
    """Return when the values of the last row-block begin, from the first logits on.

    Parameters
    ----------
    blocks
        Row-blocks of all heads and frames.
    logits, values
        Of a row-block: how long its tiles take the array.
    statistics
        From the first of its logits to where its values may begin.
    in_flight
        Row-blocks whose logits may be there at a time, 1 or 2: L(0), L(1), V(0), L(2), V(1), ....
    """
    free, last = 0, 0
    ready: list[int] = []
    for block in range(blocks):
        while len(ready) < min(blocks, block + in_flight):
            ready.append(free + statistics)
            free += logits
        last = max(free, ready[block])
        free = last + values
    return last


def lane_work(fields: Fields, side: int) -> Work:
    """Return the frames of a stream through the lanes: see :class:`vitaccel_rtl.accelerator.row_times.RowTimes`."""
    is_layernorm = fields.get("function", 0) == LANE_FUNCTIONS.index(LAYERNORM)
    drain = latency.vector_rows_drain(side) if fields.get("by_rows", 0) else 0
    interval, scale = fields["interval"], fields.get("scale", 0)
    pace = VectorPace(
        interval=interval,
        scale=scale if is_layernorm else 0,
        result=fields["result"],
        drain=drain,
        is_asked=is_layernorm and bool(fields.get("has_moments", 0)),
    )
    return _lane_work(fields["row_blocks"], pace)


@lru_cache(maxsize=1 << 12)
def _lane_work(row_blocks: int, pace: VectorPace) -> Work:
    last = pace.starts(row_blocks)[-1]
    return Work(last + pace.interval + pace.drain, last + pace.result)


WORK: dict[str, Callable[[Fields, int], Work]] = {
    "matmul": matmul_work,
    "attention": attention_work,
}
"""Of operations of the compute engine."""

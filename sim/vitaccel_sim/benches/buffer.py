"""Banked buffers: the bench makes a model of one, and draws requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitaccel.backends.rtl.blocks.stream import policy
from vitaccel_sim.benches.block_bench import BlockBench


def point_of(_component: Any, options: Mapping[str, int], _seed: int) -> dict[str, Any]:
    """Return the fields of a `vitaccel_sim.bench.buffer_model.Point`."""
    others = {name: value for name, value in options.items() if name != "round_robin"}
    return {**others, "policy": policy(options["round_robin"])}


def _point(
    words: int, width: int, banks: int, readers: int, writers: int, lane_writes: int, tag_bits: int, round_robin: int,
    outstanding: int,
) -> dict[str, int]:  # fmt: skip
    return {
        "words": words,
        "width": width,
        "banks": banks,
        "readers": readers,
        "writers": writers,
        "lane_writes": lane_writes,
        "tag_bits": tag_bits,
        "round_robin": round_robin,
        "outstanding": outstanding,
    }


BUFFER = BlockBench(
    block="buffer",
    module="vitaccel_sim.bench.buffer",
    points=(
        _point(64, 16, 4, 3, 2, 1, 5, 0, 8),
        _point(40, 24, 2, 2, 2, 3, 0, 1, 8),
        _point(34, 24, 2, 4, 1, 3, 0, 0, 9),
        _point(7, 1, 1, 2, 2, 1, 3, 1, 10),
        _point(512, 32, 8, 5, 3, 4, 2, 1, 11),
        _point(32, 9, 16, 1, 4, 1, 17, 0, 64),
    ),
    parameters=point_of,
    draws_words=True,
)

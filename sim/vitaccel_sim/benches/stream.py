"""Arbiters and routers: their benches make them, and draw words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vitaccel_sim.benches.block_bench import BlockBench


def options_of(_component: Any, options: Mapping[str, int], _seed: int) -> dict[str, int]:
    """Return the options."""
    return dict(options)


ARBITER = BlockBench(
    block="arbiter",
    module="vitaccel_sim.bench.arbiter",
    points=(
        {"sources": 3, "width": 24, "round_robin": 1, "rows": 0},
        {"sources": 5, "width": 9, "round_robin": 1, "rows": 1},
        {"sources": 2, "width": 1, "round_robin": 0, "rows": 1},
        {"sources": 4, "width": 33, "round_robin": 0, "rows": 0},
        {"sources": 8, "width": 16, "round_robin": 1, "rows": 1},
        {"sources": 2, "width": 128, "round_robin": 1, "rows": 0},
    ),
    parameters=options_of,
    draws_words=True,
)

ROUTER = BlockBench(
    block="router",
    module="vitaccel_sim.bench.router",
    points=(
        {"destinations": 3, "width": 24},
        {"destinations": 4, "width": 1},
        {"destinations": 2, "width": 9},
        {"destinations": 7, "width": 64},
        {"destinations": 16, "width": 12},
    ),
    parameters=options_of,
    draws_words=True,
)

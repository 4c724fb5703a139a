# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Tokens to their experts and back: gather, and scatter-add."""

from __future__ import annotations

from typing import Any

from vitaccel.backends.rtl.block import Block, Option
from vitaccel.backends.rtl.blocks.moe import SIDE
from vitaccel_rtl import gather, scatter_add
from vitaccel_rtl.fifo import LEAST_DEPTH

OPTIONS = (
    SIDE,
    Option(name="address_bits", default=16, least=8, most=32, summary="width of an address, in words of P elements"),
    Option(name="tile_bits", default=8, least=1, most=24, summary="width of a number of tiles, of P channels each"),
    Option(name="entry_bits", default=16, least=4, most=24, summary="width of the length of a queue"),
    Option(name="in_flight", default=16, least=LEAST_DEPTH, most=256, summary="reads under way at most"),
)


def _gather(**options: int) -> Any:
    return gather.Gather(**options)


def _scatter_add(**options: int) -> Any:
    return scatter_add.ScatterAdd(**options)


GATHER = Block(
    name="gather",
    summary="an expert's tokens, from rows anywhere in a buffer into words of P tokens",
    options=OPTIONS,
    make=_gather,
)

SCATTER_ADD = Block(
    name="scatter-add",
    summary="an expert's results times their gate scores, added where their tokens are",
    options=OPTIONS,
    make=_scatter_add,
)

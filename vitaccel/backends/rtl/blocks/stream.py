# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Register slices and queues of streams."""

from __future__ import annotations

from typing import Any

from vitaccel.backends.rtl.block import Block, Option
from vitaccel_rtl.fifo import LEAST_DEPTH, StreamFifo
from vitaccel_rtl.stream import SkidBuffer

WIDTH = Option(name="width", default=64, least=1, most=4096, summary="bits of a word")
DEPTH = Option(name="depth", default=16, least=LEAST_DEPTH, most=1 << 16, summary="words held")


def _skid_buffer(*, width: int) -> Any:
    return SkidBuffer(width)


def _fifo(*, width: int, depth: int) -> Any:
    return StreamFifo(width, depth=depth)


SKID_BUFFER = Block(
    name="skid-buffer", summary="a register slice of a stream, both directions", options=(WIDTH,), make=_skid_buffer
)

FIFO = Block(name="fifo", summary="a queue of words between two streams", options=(WIDTH, DEPTH), make=_fifo)

# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Register slices and queues of streams, many streams into one, and one into many."""

from __future__ import annotations

from typing import Any

from amaranth.lib import data  # type: ignore[import-untyped]

from vitaccel.backends.rtl.block import Block, Option
from vitaccel_rtl.arbiter import Arbiter
from vitaccel_rtl.fifo import LEAST_DEPTH, StreamFifo
from vitaccel_rtl.router import Router
from vitaccel_rtl.stream import SkidBuffer

WIDTH = Option(name="width", default=64, least=1, most=4096, summary="bits of a word")
DEPTH = Option(name="depth", default=16, least=LEAST_DEPTH, most=1 << 16, summary="words held")

SOURCES = Option(name="sources", default=4, least=2, most=32, summary="N, streams that share the output")
DESTINATIONS = Option(name="destinations", default=4, least=2, most=32, summary="N, streams that words go to")
VALUE = Option(name="width", default=64, least=1, most=4096, summary="bits of a word's value")
ROUND_ROBIN = Option(
    name="round_robin", default=1, values=(0, 1), summary="whether turns go round; else the lowest wins"
)
ROWS = Option(name="rows", default=1, values=(0, 1), summary="whether rows, which end with last, are kept together")


def policy(round_robin: int) -> str:
    """Return who comes first of those who want the same, as `vitaccel_rtl.arbiter.POLICIES` says it."""
    return "round-robin" if round_robin else "fixed"


def _skid_buffer(*, width: int) -> Any:
    return SkidBuffer(width)


def _fifo(*, width: int, depth: int) -> Any:
    return StreamFifo(width, depth=depth)


def _arbiter(*, sources: int, width: int, round_robin: int, rows: int) -> Any:
    word = data.StructLayout({"value": width, "last": 1})
    return Arbiter(word, sources=sources, policy=policy(round_robin), keep_until_last=bool(rows))


def _router(*, destinations: int, width: int) -> Any:
    # As many bits as it takes to name one output more, so that a word can be for nobody.
    return Router(
        data.StructLayout({"value": width, "destination": destinations.bit_length()}), destinations=destinations
    )


SKID_BUFFER = Block(
    name="skid-buffer", summary="a register slice of a stream, both directions", options=(WIDTH,), make=_skid_buffer
)

FIFO = Block(name="fifo", summary="a queue of words between two streams", options=(WIDTH, DEPTH), make=_fifo)

ARBITER = Block(
    name="arbiter",
    summary="N streams into one, word by word or row by row",
    options=(SOURCES, VALUE, ROUND_ROBIN, ROWS),
    make=_arbiter,
)

ROUTER = Block(
    name="router",
    summary="one stream into N, each word to the output that it names",
    options=(DESTINATIONS, VALUE),
    make=_router,
)

# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""Banked buffers on chip."""

from __future__ import annotations

from typing import Any

from vitaccel.backends.rtl.block import Block, Option
from vitaccel.backends.rtl.blocks.stream import ROUND_ROBIN, policy
from vitaccel_rtl import latency
from vitaccel_rtl.buffer import Buffer

OPTIONS = (
    Option(name="words", default=1024, least=2, most=1 << 16, summary="words held, a multiple of banks"),
    Option(name="width", default=64, least=1, most=1024, summary="bits of a word"),
    Option(name="banks", default=4, values=(1, 2, 4, 8, 16), summary="memories, each of which serves a word a cycle"),
    Option(name="readers", default=2, least=1, most=8, summary="streams of reads"),
    Option(name="writers", default=2, least=1, most=8, summary="streams of writes"),
    Option(name="lane_writes", default=1, least=1, most=1024, summary="parts of a word that are written on their own"),
    Option(name="tag_bits", default=0, least=0, most=64, summary="bits that come back with a word as they were sent"),
    ROUND_ROBIN,
    Option(
        name="outstanding", default=8, least=latency.BUFFER_READ + 1, most=64, summary="words of a reader under way"
    ),
)


def _buffer(*, round_robin: int, **options: int) -> Any:
    return Buffer(policy=policy(round_robin), **options)


BUFFER = Block(
    name="buffer",
    summary="words in banks that several engines read and write, each a word a cycle",
    options=OPTIONS,
    make=_buffer,
)

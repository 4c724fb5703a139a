# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: a component that is refused is never elaborated)
"""DMA engines between DRAM and words on chip."""

from __future__ import annotations

from typing import Any

from vitaccel.backends.rtl.block import Block, Option
from vitaccel_rtl.axi import Geometry
from vitaccel_rtl.dma_read import DmaRead
from vitaccel_rtl.dma_write import DmaWrite

OPTIONS = (
    Option(name="data_bits", default=64, values=(32, 64, 128, 256, 512), summary="width of a beat on the bus"),
    Option(name="word_bytes", default=8, least=4, most=32, summary="P, bytes of a word on chip"),
    Option(name="burst_beats", default=64, least=1, most=256, summary="beats of the longest burst"),
    Option(name="outstanding", default=8, least=1, most=256, summary="bursts in flight at most"),
    Option(name="align_bytes", default=0, least=0, most=4096, summary="rows begin at multiples of it; 0: of a word"),
    Option(name="address_bits", default=32, least=32, most=64, summary="width of an address in DRAM"),
)


def geometry(*, align_bytes: int, **options: int) -> Any:
    """Return what the engines are built for, with these options."""
    return Geometry(align_bytes=align_bytes or None, **options)


def _read(*, align_bytes: int, **options: int) -> Any:
    return DmaRead(align_bytes=align_bytes or None, **options)


def _write(*, align_bytes: int, **options: int) -> Any:
    return DmaWrite(align_bytes=align_bytes or None, **options)


READ = Block(name="dma-read", summary="strided rows of DRAM over AXI4, as words on chip", options=OPTIONS, make=_read)

WRITE = Block(name="dma-write", summary="words on chip to strided rows of DRAM over AXI4", options=OPTIONS, make=_write)

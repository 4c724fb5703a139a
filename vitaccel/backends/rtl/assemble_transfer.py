"""Fields of the load and the store engine's instructions."""

from __future__ import annotations

from vitaccel.backends.rtl.assemble_site import Site
from vitaccel.ir.plan import CHANNEL, ceil_div
from vitaccel.ir.program import Load, Store, Transfer
from vitaccel_rtl.accelerator.isa import BUFFERS, COUNT
from vitaccel_rtl.latency import SLOTS

WORDS = ("activation", "weight")
"""Buffers of words of P bytes, which have as many parts as there are arrays."""

MOST_WORDS = (1 << COUNT) - 1
"""Words of a row."""


def load_fields(load: Load, site: Site) -> dict[str, int]:
    """Return the fields of a load that are its own."""
    return _fields(load, site)


def store_fields(store: Store, site: Site) -> dict[str, int]:
    """Return the fields of a store that are its own.

    Raises
    ------
    UnsupportedError
        If it is not of the activation buffer.
    """
    site.need(store.buffer == "activation", f"must store from the activation buffer, not from {store.buffer}")
    return _fields(store, site)


def _fields(transfer: Transfer, site: Site) -> dict[str, int]:
    by_tiles = site.parts > 1 and transfer.layout == CHANNEL and transfer.buffer in WORDS
    rows, row_bytes = _runs(transfer, site, by_tiles)
    several = rows > 1
    if by_tiles and transfer.buffer == "activation":
        step = transfer.step
        site.need(step % SLOTS == 0, f"must have rows at multiples of {SLOTS} words from each other, not {step}")
    return {
        "dram": transfer.dram,
        "buffer": BUFFERS.index(transfer.buffer),
        "address": transfer.address,
        "rows": rows,
        "row_bytes": row_bytes,
        "stride_bytes": transfer.stride_bytes if several else row_bytes,
        "step": transfer.step if several else 0,
        "row_words": ceil_div(row_bytes, site.side),
        "by_tiles": int(by_tiles),
        "is_wide": int(by_tiles and transfer.element_bytes == 2),
    }


def _runs(transfer: Transfer, site: Site, by_tiles: bool) -> tuple[int, int]:
    """Return rows and bytes of one; rows that follow each other in DRAM and on chip are one row, if it can be.

    With several arrays they do on chip where each ends in the last part, so that the next one begins in the first.
    """
    side, parts = site.side, site.parts
    in_dram = transfer.stride_bytes == transfer.row_bytes
    on_chip = transfer.step * side * parts == transfer.row_bytes
    on_chip &= parts == 1 or transfer.step % site.turns.words == 0
    if in_dram and on_chip and not by_tiles and transfer.total_bytes <= MOST_WORDS * side:
        return 1, transfer.total_bytes
    return transfer.rows, transfer.row_bytes

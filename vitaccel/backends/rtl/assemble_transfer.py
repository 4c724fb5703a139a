"""Fields of the load and the store engine's instructions."""

from __future__ import annotations

from vitaccel.backends.rtl.assemble_site import Site
from vitaccel.ir.plan import ceil_div
from vitaccel.ir.program import Load, Store, Transfer
from vitaccel_rtl.accelerator.isa import BUFFERS, COUNT

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
    rows, row_bytes = _runs(transfer, site.side)
    several = rows > 1
    return {
        "dram": transfer.dram,
        "buffer": BUFFERS.index(transfer.buffer),
        "address": transfer.address,
        "rows": rows,
        "row_bytes": row_bytes,
        "stride_bytes": transfer.stride_bytes if several else row_bytes,
        "step": transfer.step if several else 0,
        "row_words": ceil_div(row_bytes, site.side),
    }


def _runs(transfer: Transfer, side: int) -> tuple[int, int]:
    """Return rows and bytes of one; rows that follow each other in DRAM and on chip are one row, if it can be."""
    in_dram = transfer.stride_bytes == transfer.row_bytes
    on_chip = transfer.step * side == transfer.row_bytes
    if in_dram and on_chip and transfer.total_bytes <= MOST_WORDS * side:
        return 1, transfer.total_bytes
    return transfer.rows, transfer.row_bytes

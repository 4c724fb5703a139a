from __future__ import annotations

from vitaccel.backends.rtl.blocks.routed import GATHER, SCATTER_ADD


def test_widths_reach_gather_and_scatter_add() -> None:
    options = {"side": 3, "address_bits": 9, "tile_bits": 4, "entry_bits": 7}
    gather, scatter_add = GATHER.component(**options), SCATTER_ADD.component(**options)
    for block in (gather, scatter_add):
        assert (len(block.job.p.tiles), len(block.job.p.entries), len(block.request.payload)) == (4, 7, 9)
    assert len(gather.o.p.lanes) == len(scatter_add.i.p.lanes) == len(scatter_add.write.p.lanes) == 3

# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: ports are known without a netlist)
from __future__ import annotations

from vitaccel.backends.rtl.blocks.dma import READ, WRITE, geometry


def test_rows_are_aligned_to_words_unless_said() -> None:
    usual, unaligned = (geometry(data_bits=64, word_bytes=12, align_bytes=align) for align in (0, 1))
    assert (usual.row_align_bytes, unaligned.row_align_bytes) == (12, 1)


def test_options_reach_the_engines() -> None:
    for block, data in ((READ, "m_axi_rdata"), (WRITE, "m_axi_wdata")):
        component = block.component(data_bits=128, word_bytes=16, outstanding=4)
        assert len(getattr(component, data)) == 128

# amaranth: UnusedElaboratable=no
# ruff: noqa: ERA001 (the line above is for Amaranth: only the ports of engines are looked at here)
"""AXI4 ports and what follows from a DMA's sizes."""

from __future__ import annotations

import pytest

from tests.rtl.stream_bench import refuses
from vitaccel_rtl.axi import Geometry, read_ports, write_ports
from vitaccel_rtl.dma_read import DmaRead
from vitaccel_rtl.verilog import to_verilog


@pytest.mark.parametrize(
    ("sizes", "longest", "granule", "window"),
    [
        ({"data_bits": 64, "word_bytes": 8}, 64, 8, 1),
        ({"data_bits": 64, "word_bytes": 8, "align_bytes": 1}, 64, 1, 2),
        ({"data_bits": 128, "word_bytes": 8}, 64, 8, 1),
        ({"data_bits": 128, "word_bytes": 12}, 64, 4, 2),
        ({"data_bits": 32, "word_bytes": 12}, 64, 4, 3),
        ({"data_bits": 32, "word_bytes": 32, "align_bytes": 2}, 64, 2, 9),
        ({"data_bits": 512, "word_bytes": 32, "burst_beats": 256}, 64, 32, 1),
        ({"data_bits": 256, "word_bytes": 32, "burst_beats": 256}, 128, 32, 1),
    ],
)
def test_what_follows_from_the_sizes(sizes: dict[str, int], longest: int, granule: int, window: int) -> None:
    geometry = Geometry(**sizes)
    assert (geometry.longest_burst, geometry.granule_bytes, geometry.window_beats) == (longest, granule, window)
    word, beat, align = geometry.word_bytes, geometry.beat_bytes, geometry.row_align_bytes
    places = {(row * align + at * word) % beat for row in range(beat) for at in range(beat)}
    assert all(place % granule == 0 for place in places)
    assert max((place + word - 1) // beat + 1 for place in range(0, beat, granule)) == window


def test_ports_have_their_standard_names_and_widths() -> None:
    geometry = Geometry(data_bits=128, word_bytes=16, address_bits=40, id_bits=4)
    ports = {port.name: port.width for port in to_verilog(DmaRead(data_bits=128, word_bytes=16, address_bits=40)).ports}
    expected = {"m_axi_araddr": 40, "m_axi_arlen": 8, "m_axi_arsize": 3, "m_axi_arburst": 2, "m_axi_rdata": 128}
    assert expected.items() <= ports.items()
    assert set(read_ports(geometry)) <= set(ports)
    assert not set(read_ports(geometry)) & set(write_ports(geometry))


def test_sizes_out_of_range_are_refused() -> None:
    sizes = {"data_bits": 64, "word_bytes": 8}
    refuses("address_bits of a DMA must be an integer from 32 to 64, not 31", Geometry, **sizes, address_bits=31)
    refuses("align_bytes of a DMA must be an integer from 1 to 4096, not 0", Geometry, **sizes, align_bytes=0)
    refuses("rows_bits of a DMA must be an integer from 1 to 17, not 18", Geometry, **sizes, rows_bits=18)

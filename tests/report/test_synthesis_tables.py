from __future__ import annotations

from dataclasses import replace

from tests.report.syntheses import AREA_ONLY, FAILED, PLACED
from vitaccel.report.synthesis_tables import (
    area_table,
    failed_table,
    ordered,
    path_table,
    synthesis_tables,
    timing_table,
)
from vitaccel_rtl.synthesis.cells import Area


def test_a_block_is_before_what_is_in_it_and_the_largest_is_first() -> None:
    """The memory of `buffers` makes it the larger one: LUTs that are memory count."""
    assert ordered(PLACED, depth=1) == ["buffers", "array"]
    assert ordered(PLACED, depth=2) == ["buffers", "array", "array.row_1", "array.row_0"]
    assert ordered(PLACED, depth=3) == ["buffers", "array", "array.row_1", "array.row_1.pe", "array.row_0"]


def test_blocks_of_one_size_are_in_the_order_of_their_names() -> None:
    areas = {"": Area(), **{path: Area(luts=7) for path in ("c", "a", "b.x", "b", "a.y")}}
    assert ordered(replace(PLACED, areas=areas), depth=2) == ["a", "a.y", "b", "b.x", "c"]


def test_area_of_a_block_and_its_share_of_the_device() -> None:
    rows = area_table(PLACED).rows
    assert rows[0] == ("buffers", "5,200", "6.2%", "0", "0", "52", "2,400")
    assert rows[2] == ("  array.row_1", "2,091", "2.5%", "0", "39", "0", "0")


def test_below_are_the_whole_the_device_and_the_share() -> None:
    assert area_table(PLACED).footer == (
        ("(whole design)", "8,364", "10.0%", "4,182", "78", "52", "364"),
        ("Lattice LFE5U-85F", "83,640", "", "83,640", "156", "208", "41,820"),
        ("share", "10.0%", "", "5.0%", "50.0%", "25.0%", "0.9%"),
    )


def test_what_each_seed_gave() -> None:
    table = timing_table(PLACED)
    assert [column.title for column in table.columns] == ["seed", "MHz", "cells ns", "wires ns", "from", "to"]
    assert [row[:2] for row in table.rows] == [("1", "91.5"), ("4", "98.0"), ("7", "96.0")]
    assert table.rows[1] == ("4", "98.0", "4.0", "6.2", "buffers.c", "array.d")


def test_the_path_in_its_order_and_what_is_in_no_block() -> None:
    assert path_table(PLACED).rows == (("1", "buffers"), ("2", "(whole design)"), ("3", "array.row_1"))


def test_tables_of_timing_only_where_it_was_placed() -> None:
    assert synthesis_tables(PLACED) == (area_table(PLACED), timing_table(PLACED), path_table(PLACED))
    assert synthesis_tables(AREA_ONLY) == (area_table(AREA_ONLY),)
    assert "AMD XC7A200T" in area_table(AREA_ONLY).title


def test_seeds_that_failed_are_said_where_there_are_any() -> None:
    assert failed_table(FAILED).rows == (("5", "nextpnr-ecp5 must accept it, but says: <no>"),)
    area, *placed = synthesis_tables(FAILED)
    assert (area, *placed) == (area_table(FAILED), failed_table(FAILED), timing_table(FAILED), path_table(FAILED))


def test_as_many_levels_as_are_asked_for() -> None:
    assert [len(synthesis_tables(PLACED, depth=depth)[0].rows) for depth in (1, 2, 3, 4)] == [2, 4, 5, 5]

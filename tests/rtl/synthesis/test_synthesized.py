from __future__ import annotations

import pytest

from tests.rtl.synthesis.small import ProductAndSum
from vitaccel_rtl.array import Array
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import DEVICES
from vitaccel_rtl.synthesis.synthesized import rows_needed, rows_of
from vitaccel_rtl.verilog import to_verilog


@pytest.mark.parametrize(
    ("multipliers", "rows", "needed"),
    [(156, 8, 0), (157, 8, 3), (196, 8, 7), (197, 8, 8), (220, 8, 8), (221, 8, 0), (157, 0, 0)],
)
def test_rows_get_products_of_luts_where_multipliers_are_too_few(multipliers: int, rows: int, needed: int) -> None:
    found = {"": Area(multipliers=multipliers), **{f"a.array.row_{row}": Area(multipliers=rows) for row in range(rows)}}
    assert rows_needed(found, DEVICES["ecp5-85k"]) == needed
    assert rows_needed(found, DEVICES["xc7"]) == 0


@pytest.mark.parametrize(("multipliers", "needed"), [(156, 0), (157, 2), (284, 8), (285, 0)])
def test_a_row_is_that_of_all_arrays(multipliers: int, needed: int) -> None:
    rows = {f"compute.core{core}.array.row_{row}": Area(multipliers=8) for core in range(2) for row in range(8)}
    found = {"": Area(multipliers=multipliers), **rows}
    assert rows_needed(found, DEVICES["ecp5-85k"]) == needed


@pytest.mark.parametrize("side", [2, 12])
def test_rows_are_counted_in_the_text_that_is_synthesised(side: int) -> None:
    assert rows_of(to_verilog(Array(side=side, accumulator_bits=32), name="array")) == side


def test_a_block_without_an_array_has_no_rows() -> None:
    assert rows_of(to_verilog(ProductAndSum(), name="row_0")) == 0

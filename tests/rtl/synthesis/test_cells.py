from __future__ import annotations

import re
from dataclasses import astuple, fields

import pytest

from vitaccel_rtl.synthesis.cells import CELLS, Area, UnknownCellError, area_of


def test_cells_are_what_they_take() -> None:
    cells = {"LUT4": 10, "CCU2C": 3, "PFUMX": 4, "TRELLIS_FF": 7, "MULT18X18D": 2, "DP16KD": 1, "TRELLIS_DPR16X4": 5}
    assert area_of(cells, "ecp5") == Area(luts=16, carries=6, flip_flops=7, multipliers=2, block_rams=1, ram_luts=20)
    cells = {"LUT6": 3, "LUT1": 2, "CARRY4": 2, "FDRE": 4, "DSP48E2": 1, "RAMB36E2": 1, "RAM64M": 2, "MUXF7": 9}
    assert area_of(cells, "xcup") == Area(luts=5, carries=8, flip_flops=4, multipliers=1, block_rams=2, ram_luts=8)


def test_areas_add_up_field_by_field() -> None:
    first = Area(luts=1, carries=2, flip_flops=3, multipliers=4, block_rams=5, ram_luts=6)
    second = Area(luts=10, carries=20, flip_flops=30, multipliers=40, block_rams=50, ram_luts=60)
    assert astuple(first + second) == (11, 22, 33, 44, 55, 66)
    assert first + Area() == first


@pytest.mark.parametrize("target", CELLS)
def test_a_cell_that_nobody_classified_is_an_error(target: str) -> None:
    sentence = f"cells of {target} must be of a known type, not ALU54B, DTR"
    with pytest.raises(UnknownCellError, match=f"^{re.escape(sentence)}$"):
        area_of({"ALU54B": 1, "DTR": 2, "$scopeinfo": 3}, target)


@pytest.mark.parametrize("target", CELLS)
def test_every_resource_is_a_field(target: str) -> None:
    names = {field.name for field in fields(Area)}
    assert all(set(resources) <= names for resources in CELLS[target].values())

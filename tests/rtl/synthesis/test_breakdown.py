from __future__ import annotations

from typing import Any

import pytest

from vitaccel_rtl.synthesis.breakdown import Hierarchy, areas
from vitaccel_rtl.synthesis.cells import Area, UnknownCellError


def instance(module: str, lines: str) -> dict[str, Any]:
    first, last = lines.split("-")
    return {
        "type": "$scopeinfo",
        "attributes": {"module": module, "module_src": f"component.sv:{first}.1-{last}.10"},
    }


def cell(kind: str, line: int | None = None) -> dict[str, Any]:
    src = (
        "/share/cells_map.v:16.1-16.9" if line is None else f"component.sv:{line}.3-{line}.9|/share/cells_map.v:1.1-1.2"
    )
    return {"type": kind, "attributes": {"src": src}}


NETLIST = {
    "a": instance("m_a", "10-19"),
    "a.array": instance("m_array", "20-29"),
    "a.array.rows_0": instance("m_row", "30-39"),
    "a.array.rows_1": instance("m_row", "30-39"),
    "b": instance("m_b", "40-49"),
    "a.array.rows_0.product": cell("MULT18X18D", 31),
    "a.array.rows_0.product_LUT4_A": cell("LUT4"),
    "a.array.sum_CCU2C": cell("CCU2C", 22),
    "a.array.some_row_TRELLIS_FF_Q": cell("TRELLIS_FF", 35),
    "a.out_TRELLIS_FF_Q": cell("TRELLIS_FF", 41),
    "out$5_TRELLIS_FF_Q": cell("TRELLIS_FF", 41),
    "out$5_TRELLIS_FF_Q_DI_LUT4_Z": cell("LUT4"),
    "driven_TRELLIS_FF_Q": cell("TRELLIS_FF", 5),
    "a.i_TRELLIS_FF_Q": cell("TRELLIS_FF", 6),
}


def test_cells_are_of_the_innermost_block_and_of_all_around_it() -> None:
    found = areas(NETLIST, "ecp5")
    assert set(found) == {"", "a", "a.array", "a.array.rows_0", "a.array.rows_1", "b"}
    assert found["a.array.rows_0"] == Area(luts=1, multipliers=1)
    assert found["a.array"] == Area(luts=3, carries=2, multipliers=1, flip_flops=1)
    assert found[""] == Area(luts=4, carries=2, multipliers=1, flip_flops=5)


def test_the_line_says_whose_a_register_is_that_is_called_after_a_signal_outside() -> None:
    """Its LUT is in the same block; of several instances that it may be of, in what is around them all."""
    hierarchy = Hierarchy(NETLIST)
    assert hierarchy.block_of("out$5_TRELLIS_FF_Q") == "b"
    assert hierarchy.block_of("out$5_TRELLIS_FF_Q_DI_LUT4_Z") == "b"
    assert hierarchy.block_of("a.array.some_row_TRELLIS_FF_Q") == "a.array"
    assert hierarchy.block_of("driven_TRELLIS_FF_Q") == ""
    assert hierarchy.block_of("a.i_TRELLIS_FF_Q") == ""
    assert hierarchy.block_of("a.array.i.p.last") == "a.array"
    assert hierarchy.block_of("ab.x") == ""


def test_a_register_that_no_instance_around_it_can_have_made_is_of_the_block_of_its_name() -> None:
    assert Hierarchy(NETLIST).block_of("a.out_TRELLIS_FF_Q") == "a"


def test_what_is_around_the_design_is_left_out() -> None:
    found = areas(NETLIST, "ecp5", inside="a")
    assert found == {
        "": areas(NETLIST, "ecp5")["a"],
        **{path[2:]: area for path, area in areas(NETLIST, "ecp5").items() if path.startswith("a.")},
    }


def test_a_cell_that_nobody_classified_is_not_dropped() -> None:
    with pytest.raises(UnknownCellError, match="not OSCG"):
        areas({**NETLIST, "pll": cell("OSCG")}, "ecp5")

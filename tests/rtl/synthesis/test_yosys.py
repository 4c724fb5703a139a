from __future__ import annotations

from pathlib import Path

import pytest

from tests.rtl.synthesis.small import ProductAndSum
from vitaccel_rtl.synthesis import cells, yosys
from vitaccel_rtl.synthesis.cells import Area, UnknownCellError
from vitaccel_rtl.synthesis.tools import SynthesisError
from vitaccel_rtl.synthesis.yosys import synthesize
from vitaccel_rtl.verilog import Verilog, to_verilog


def test_a_sum_takes_registers_and_a_carry_chain(tmp_path: Path) -> None:
    block = to_verilog(ProductAndSum(has_product=False))
    area = synthesize(block, "ecp5", folder=tmp_path)
    # Two operands of 8 bits and a sum of 9; the chain takes a LUT for each bit and at most two more.
    assert (area.flip_flops, area.multipliers, area.block_rams, area.ram_luts) == (25, 0, 0, 0)
    assert 9 <= area.luts <= 12
    area = synthesize(block, "xcup", folder=tmp_path)
    assert (area.flip_flops, area.multipliers) == (25, 0)
    assert 8 <= area.luts <= 12


def test_a_product_takes_a_multiplier_with_its_registers(tmp_path: Path) -> None:
    block = to_verilog(ProductAndSum())
    assert synthesize(block, "ecp5", folder=tmp_path) == Area(multipliers=1)
    wide = to_verilog(ProductAndSum(width=16))
    assert synthesize(wide, "xcup", folder=tmp_path).multipliers == 1


def test_a_cell_that_nobody_classified_is_not_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = to_verilog(ProductAndSum())
    synthesize(block, "ecp5", folder=tmp_path)
    monkeypatch.delitem(cells.CELLS["ecp5"], "MULT18X18D")
    with pytest.raises(UnknownCellError, match=r"^cells of ecp5 must be of a known type, not MULT18X18D$"):
        synthesize(block, "ecp5", folder=tmp_path)


def test_what_yosys_refuses_is_one_sentence(tmp_path: Path) -> None:
    block = Verilog(name="top", text="module top(input a; endmodule\n", ports=())
    with pytest.raises(SynthesisError, match=r"^Yosys must accept the component, but says: .*syntax error"):
        synthesize(block, "ecp5", folder=tmp_path)


@pytest.mark.parametrize(
    ("target", "is_named", "splits"), [("xcup", True, True), ("xcup", False, False), ("ecp5", True, False)]
)
def test_signals_of_a_named_design_are_split_before_they_are_mapped(
    target: str, is_named: bool, splits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def run(_tool: object, arguments: tuple[str, ...], *_: object, **__: object) -> Path:
        said.extend(arguments)
        (tmp_path / yosys.NETLIST).write_text('{"modules": {"top": {"ports": {}, "cells": {}}}}')
        return tmp_path

    monkeypatch.setattr(yosys, "cached", run)
    yosys.netlist_of("module top(input a); endmodule\n", "top", target, is_named=is_named)
    (script,) = (each for each in said if each.startswith("read_verilog"))
    assert (f"-run begin:map_luts; {yosys.BITS}; " in script) is splits

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tests.rtl.synthesis.small import ProductAndSum
from vitaccel_rtl.synthesis import implement as implementing
from vitaccel_rtl.synthesis.builds import SynthesisError
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import DEVICES
from vitaccel_rtl.synthesis.implement import implement
from vitaccel_rtl.verilog import Verilog, to_verilog


class TwoSums(wiring.Component):
    """Two blocks, one behind the other."""

    def __init__(self) -> None:
        super().__init__({"a": In(4), "b": In(4), "o": Out(16)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.first = first = ProductAndSum(width=4, has_product=False)
        m.submodules.second = second = ProductAndSum(width=8, has_product=False)
        m.d.comb += [
            first.a.eq(self.a), first.b.eq(self.b), second.a.eq(first.o), second.b.eq(first.o), self.o.eq(second.o),
        ]  # fmt: skip
        return m


@pytest.fixture(scope="module")
def design() -> Verilog:
    return to_verilog(TwoSums(), name="two")


def test_a_design_is_synthesised_placed_and_routed(design: Verilog, tmp_path: Path) -> None:
    said: list[str] = []
    made = implement(design, DEVICES["ecp5-85k"], seeds=(1, 2), wanted_mhz=100, folder=tmp_path, say=said.append)
    assert set(made.areas) == {"", "first", "second"}
    assert made.total.flip_flops == made.areas["first"].flip_flops + made.areas["second"].flip_flops > 20
    assert made.missing == ()
    assert [timing.seed for timing in made.timings] == [1, 2]
    assert made.best in made.timings
    assert made.best.frequency_mhz == max(timing.frequency_mhz for timing in made.timings) > 100
    assert set(made.path) <= {"", "first", "second"}
    assert made.path
    assert [stage.name for stage in made.stages] == ["synthesis", *(f"place and route, seed {n}" for n in (1, 2))]
    assert any(line.startswith("Yosys: ") for line in said)
    assert any(line.startswith("nextpnr-ecp5: ") for line in said)
    said.clear()
    again = implement(design, DEVICES["ecp5-85k"], seeds=(1, 2), wanted_mhz=100, folder=tmp_path, say=said.append)
    assert (again.areas, again.timings, said) == (made.areas, made.timings, [])


def test_registers_of_the_harness_are_not_counted(design: Verilog, tmp_path: Path) -> None:
    alone = implement(design, DEVICES["ecp5-85k"], seeds=(), folder=tmp_path)
    placed = implement(design, DEVICES["ecp5-85k"], seeds=(1,), wanted_mhz=100, folder=tmp_path)
    assert placed.total.flip_flops == alone.total.flip_flops


@pytest.mark.parametrize("target", ["xcup", "xc7"])
def test_what_no_open_tool_places_has_an_area(target: str, design: Verilog, tmp_path: Path) -> None:
    made = implement(design, DEVICES[target], folder=tmp_path)
    assert made.timings == ()
    assert made.best is None
    assert made.path == ()
    # Operands of 4 bits; the sum of 5 goes through shift registers, which stand in LUTs.
    assert (made.areas["first"].flip_flops, made.total.ram_luts) == (8, 5)
    assert made.total.carries > 0


def test_what_does_not_fit_is_not_placed(design: Verilog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def areas(*_: Any, **__: Any) -> dict[str, Area]:
        return {"": Area(multipliers=157)}

    monkeypatch.setattr(implementing, "areas", areas)
    made = implement(design, DEVICES["ecp5-85k"], folder=tmp_path)
    assert made.timings == ()
    assert made.missing == ("157 of 156 multipliers",)


@pytest.mark.parametrize(
    ("multipliers", "rows", "needed"),
    [(156, 8, 0), (157, 8, 3), (196, 8, 7), (197, 8, 8), (220, 8, 8), (221, 8, 0), (157, 0, 0)],
)
def test_rows_get_products_of_luts_where_multipliers_are_too_few(multipliers: int, rows: int, needed: int) -> None:
    found = {"": Area(multipliers=multipliers), **{f"a.array.row_{row}": Area(multipliers=rows) for row in range(rows)}}
    assert implementing._rows_needed(found, DEVICES["ecp5-85k"]) == needed
    assert implementing._rows_needed(found, DEVICES["xc7"]) == 0


@pytest.mark.parametrize(("multipliers", "needed"), [(156, 0), (157, 2), (284, 8), (285, 0)])
def test_a_row_is_that_of_all_arrays(multipliers: int, needed: int) -> None:
    rows = {f"compute.core{core}.array.row_{row}": Area(multipliers=8) for core in range(2) for row in range(8)}
    found = {"": Area(multipliers=multipliers), **rows}
    assert implementing._rows_needed(found, DEVICES["ecp5-85k"]) == needed


def test_a_failure_says_where_the_log_is_and_leaves_nothing_else(tmp_path: Path) -> None:
    wrong = Verilog(name="top", text="module top(input a; endmodule\n", ports=())
    with pytest.raises(SynthesisError, match=r"^Yosys must accept .*; its log is (\S+)\.log$") as error:
        implement(wrong, DEVICES["xcup"], folder=tmp_path)
    (left,) = tmp_path.iterdir()
    assert str(error.value).endswith(str(left))
    assert "syntax error" in left.read_text()

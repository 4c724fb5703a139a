from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tests.rtl.synthesis.small import ProductAndSum
from vitaccel_rtl.synthesis import implement as implementing
from vitaccel_rtl.synthesis import nextpnr
from vitaccel_rtl.synthesis import synthesized as synthesizing
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import DEVICES
from vitaccel_rtl.synthesis.implement import Pins, area_by_blocks, implement
from vitaccel_rtl.synthesis.seeds import FailedSeed
from vitaccel_rtl.synthesis.tools import SynthesisError
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

    monkeypatch.setattr(synthesizing, "areas", areas)
    made = implement(design, DEVICES["ecp5-85k"], folder=tmp_path)
    assert made.timings == ()
    assert made.missing == ("157 of 156 multipliers",)


def test_a_failure_says_where_the_log_is_and_leaves_nothing_else(tmp_path: Path) -> None:
    wrong = Verilog(name="top", text="module top(input a; endmodule\n", ports=())
    with pytest.raises(SynthesisError, match=r"^Yosys must accept .*; its log is (\S+)\.log$") as error:
        implement(wrong, DEVICES["xcup"], folder=tmp_path)
    (left,) = tmp_path.iterdir()
    assert str(error.value).endswith(str(left))
    assert "syntax error" in left.read_text()


@pytest.mark.parametrize(
    ("seeds", "has_pins", "absent"),
    [((), False, "Yosys"), ((1,), False, "nextpnr-ecp5"), ((1,), True, "nextpnr-ecp5"), ((1,), True, "ecppack")],
)
def test_tools_are_asked_for_before_the_first_one_runs(
    seeds: tuple[int, ...], has_pins: bool, absent: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthesizing, "netlist_of", lambda *_, **__: pytest.fail("Yosys has run"))
    for name in ("YOSYS", "NEXTPNR", "ECPPACK"):
        tool = getattr(implementing, name)
        if tool.name == absent:
            monkeypatch.setattr(implementing, name, replace(tool, package="no-wheel-of-this-name"))
    pins = Pins(package="CABGA381", constraints="") if has_pins else None
    nothing = Verilog(name="top", text="", ports=())
    with pytest.raises(SynthesisError, match=rf"^{absent} must be installed, and it is not: "):
        implement(nothing, DEVICES["ecp5-85k"], seeds=seeds, pins=pins, folder=tmp_path)


def test_what_only_has_an_area_needs_no_nextpnr(
    design: Verilog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(implementing, "NEXTPNR", replace(implementing.NEXTPNR, package="no-wheel-of-this-name"))
    assert implement(design, DEVICES["xc7"], folder=tmp_path).timings == ()


def test_a_seed_that_fails_leaves_the_others_and_took_its_time(
    design: Verilog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def route(*given: Any, seed: int, **options: Any) -> Path:
        if seed == 2:
            raise SynthesisError("no")
        return nextpnr.route(*given, seed=seed, **options)

    monkeypatch.setattr(implementing, "route", route)
    made = implement(design, DEVICES["ecp5-85k"], seeds=(2, 1), folder=tmp_path)
    assert [timing.seed for timing in made.timings] == [1]
    assert made.failed_seeds == (FailedSeed(seed=2, sentence="no"),)
    assert [stage.name for stage in made.stages] == ["synthesis", *(f"place and route, seed {n}" for n in (2, 1))]
    with pytest.raises(SynthesisError, match=r"^no$"):
        implement(design, DEVICES["ecp5-85k"], seeds=(2,), folder=tmp_path)


def test_a_design_without_large_blocks_is_not_synthesised_by_them(design: Verilog, tmp_path: Path) -> None:
    sentence = "a design must have large blocks to be synthesised by blocks, and two has none"
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        area_by_blocks(design, DEVICES["xcup"], folder=tmp_path)
    assert not list(tmp_path.iterdir())

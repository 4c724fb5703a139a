"""What is cut off anywhere is not whole; what Yosys, nextpnr and ecppack write is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vitaccel_rtl.synthesis.builds import cached
from vitaccel_rtl.synthesis.nextpnr import (
    BITSTREAM,
    BITSTREAM_ENDS,
    CONFIGURATION,
    CONFIGURATION_ENDS,
    REPORT,
    bitstream,
    route,
)
from vitaccel_rtl.synthesis.out_of_context import DESIGN, DESIGN_ENDS, out_of_context
from vitaccel_rtl.synthesis.tools import LOG, NEXTPNR, YOSYS, SynthesisError, Tool
from vitaccel_rtl.synthesis.whole import Whole, broken_in, ends_with, has, is_json
from vitaccel_rtl.synthesis.yosys import NETLIST, RESULTS, netlist_of
from vitaccel_rtl.verilog import Verilog

LIGHT = "module top(input clk, output reg led);\nalways @(posedge clk) led <= ~led;\nendmodule\n"
PINS = 'LOCATE COMP "clk" SITE "G2";\nLOCATE COMP "led" SITE "B2";\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the tools write of one flip-flop."""
    folder = tmp_path_factory.mktemp("made")
    netlist = netlist_of(LIGHT, "top", "ecp5", folder=folder)
    yosys = (f"read_verilog a.v; proc; write_rtlil {DESIGN}; write_json {NETLIST}",)
    design = cached(YOSYS, ("-q", "-p", *yosys), {"a.v": LIGHT}, folder)
    placed = route(netlist, ("--85k", "--package", "CABGA381"), wanted_mhz=25, constraints=PINS, folder=folder)
    return {
        BITSTREAM: bitstream(placed, folder=folder),
        LOG: (placed / LOG).read_bytes(),
        **{name: (design / name).read_bytes() for name in (DESIGN, NETLIST)},
        **{name: (placed / name).read_bytes() for name in (REPORT, CONFIGURATION)},
    }


@pytest.mark.parametrize(
    ("name", "is_whole"),
    [
        (NETLIST, RESULTS[NETLIST]), (DESIGN, DESIGN_ENDS), (REPORT, is_json), (CONFIGURATION, CONFIGURATION_ENDS),
        (BITSTREAM, BITSTREAM_ENDS), (LOG, has(NEXTPNR.last_words)),
    ],
)  # fmt: skip
def test_what_a_tool_writes_is_whole_and_what_is_cut_off_is_not(
    name: str, is_whole: Whole, made: dict[str, bytes], tmp_path: Path
) -> None:
    results = {name: is_whole}
    assert broken_in(tmp_path, results) == name
    whole = made[name]
    (tmp_path / name).write_bytes(whole)
    assert broken_in(tmp_path, results) is None
    for left in (0, 1, len(whole) // 2 - 3, len(whole) - len(whole) % 4096, len(whole) - 40):
        (tmp_path / name).write_bytes(whole[:left])
        assert broken_in(tmp_path, results) == name, left


def test_the_first_that_is_broken_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x\n")
    results = {"a": ends_with(b"\n"), "b": is_json}
    assert broken_in(tmp_path, results) == "b"
    (tmp_path / "b").write_bytes(b"[1]")
    assert broken_in(tmp_path, results) is None
    (tmp_path / "b").write_bytes(b"[\xff]")
    assert broken_in(tmp_path, results) == "b"


SMALL = Verilog(name="top", text=LIGHT, ports=())


@pytest.mark.parametrize(
    ("make", "missing"),
    [
        (lambda folder: netlist_of(LIGHT, "top", "ecp5", folder=folder), NETLIST),
        (lambda folder: out_of_context(SMALL, "xc7", (), folder=folder), DESIGN),
        (lambda folder: route({"modules": {"top": {"cells": {}}}}, (), folder=folder), REPORT),
        (lambda folder: bitstream(folder, folder=folder), BITSTREAM),
    ],
)
def test_nothing_is_taken_from_a_tool_that_wrote_nothing(
    make: Callable[[Path], object], missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tool, "run", lambda tool, _, folder, **__: (folder / LOG).write_bytes(tool.last_words))
    (tmp_path / CONFIGURATION).write_text(".device\n\n")
    with pytest.raises(SynthesisError, match=f" must write {missing} whole, and has not; "):
        make(tmp_path)


def test_a_configuration_is_asked_for_with_pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(tool: Tool, _: object, folder: Path, **__: object) -> None:
        (folder / LOG).write_bytes(tool.last_words)
        (folder / REPORT).write_text("{}")

    monkeypatch.setattr(Tool, "run", run)
    with pytest.raises(SynthesisError, match=f" must write {CONFIGURATION} whole, and has not; "):
        route({"modules": {"top": {"cells": {}}}}, (), constraints=PINS, folder=tmp_path)

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.rtl.synthesis.small import ProductAndSum
from vitaccel_rtl.synthesis import nextpnr
from vitaccel_rtl.synthesis.multiplier_sites import SITES
from vitaccel_rtl.synthesis.nextpnr import place_and_route
from vitaccel_rtl.synthesis.tools import SynthesisError
from vitaccel_rtl.verilog import to_verilog


def report(*paths: dict) -> dict:
    return {"fmax": {"clk": {"achieved": 160.0, "constraint": 250.0}}, "critical_paths": list(paths)}


def path(first: str, last: str, *steps: tuple[str, float]) -> dict:
    ends = {"from": {"cell": "block.x", "port": "Q"}, "to": {"cell": "block.y", "port": "DI"}}
    return {"from": first, "to": last, "path": [{"type": kind, "delay": delay, **ends} for kind, delay in steps]}


def test_the_path_within_the_clock_is_read() -> None:
    outside = path("<async>", "posedge clk", ("routing", 9.0))
    inside = path("posedge clk", "posedge clk", ("clk-to-q", 0.5), ("routing", 1.0), ("logic", 0.25), ("routing", 0.75))
    timing = nextpnr._timing(report(outside, inside), seed=3)
    assert (timing.seed, timing.frequency_mhz) == (3, 160.0)
    assert (timing.start, timing.end) == ("block.x.Q", "block.y.DI")
    assert (timing.logic_ns, timing.routing_ns) == (0.75, 1.75)


def test_of_several_clocks_the_slowest_counts() -> None:
    several = report(
        path("posedge clk", "posedge clk", ("logic", 1.0)),
        path("posedge fast", "posedge clk", ("logic", 2.0)),
        path("posedge slow", "posedge slow", ("logic", 12.5)),
    )
    # What each was asked for says nothing.
    several["fmax"] |= {
        "slow": {"achieved": 80.0, "constraint": 300.0}, "fast": {"achieved": 200.0, "constraint": 25.0},
    }  # fmt: skip
    timing = nextpnr._timing(several, seed=1)
    assert (timing.frequency_mhz, timing.logic_ns) == (80.0, 12.5)


@pytest.mark.parametrize(
    "without",
    [
        {"fmax": {}, "critical_paths": []},
        report(path("<async>", "posedge clk", ("routing", 9.0))),
        report(path("posedge clk", "posedge other", ("routing", 9.0))),
    ],
)
def test_a_design_without_a_path_between_registers_is_one_sentence(without: dict, tmp_path: Path) -> None:
    (tmp_path / nextpnr.REPORT).write_text(json.dumps(without))
    sentence = "a design must have a path from register to register to have a frequency, and has none"
    with pytest.raises(SynthesisError, match=f"^{sentence}$"):
        nextpnr.timing_of(tmp_path, seed=1)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"fmax": {}}', '{"fmax": {"clk": 3}, "critical_paths": []}'])
def test_a_report_that_is_none_is_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / nextpnr.REPORT).write_text(text)
    with pytest.raises(SynthesisError, match=f"^{tmp_path / nextpnr.REPORT} must be a report of nextpnr, and is not "):
        nextpnr.timing_of(tmp_path, seed=1)


def test_a_small_component_is_placed_and_routed(tmp_path: Path) -> None:
    block = to_verilog(ProductAndSum(width=2, has_product=False))
    timing = place_and_route(block, folder=tmp_path)
    assert 150 < timing.frequency_mhz < 1000
    # The slowest path takes what the frequency says.
    assert timing.logic_ns + timing.routing_ns == pytest.approx(1000 / timing.frequency_mhz, rel=0.01)
    assert place_and_route(block, folder=tmp_path) == timing


def test_a_place_and_route_that_fails_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nextpnr, "DEVICE", ("--85k", "--package", "CABGA0"))
    block = to_verilog(ProductAndSum(width=2, has_product=False))
    with pytest.raises(SynthesisError, match=r"^nextpnr-ecp5 must accept the component, but says: .*CABGA0"):
        place_and_route(block, folder=tmp_path)


def test_larger_designs_have_other_placers_and_routers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    monkeypatch.setattr(nextpnr, "cached", lambda _, arguments, *__, **___: given.append(arguments) or tmp_path)
    for cells in (nextpnr.LARGE_CELLS - 1, nextpnr.LARGE_CELLS, nextpnr.FULL_CELLS - 1, nextpnr.FULL_CELLS):
        nextpnr.route(netlist_with(cells), ())
    small, large, nearly_full, full = given
    assert large == nearly_full == (*small, "--placer", "static")
    assert full == (*large, "--router", "router2")


@pytest.mark.parametrize("is_full", [False, True])
def test_a_full_design_has_sites_for_multipliers(
    is_full: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []
    monkeypatch.setattr(nextpnr, "cached", lambda _, __, sources, *___, **____: given.append(sources) or tmp_path)
    netlist = netlist_with(nextpnr.FULL_CELLS - (not is_full))
    nextpnr.route(netlist, ())
    (sources,) = given
    cells = json.loads(sources[nextpnr.NETLIST])["modules"]["top"]["cells"]
    assert cells["product"].get("attributes", {}).get("BEL") == (SITES[0] if is_full else None)
    assert ("A0" in cells["sum"]["connections"]) is not is_full
    assert "attributes" not in netlist["modules"]["top"]["cells"]["product"]


def netlist_with(cells: int) -> dict[str, Any]:
    """So many cells in all: a multiplier, a carry cell that adds to 0, and LUTs."""
    carry = {"type": "CCU2C", "connections": {"A0": ["0"]}, "parameters": {"INIT0": "0" * 16, "INIT1": "0" * 16}}
    luts = {f"lut{place}": {"type": "LUT4"} for place in range(cells - 2)}
    top = {"cells": {"product": {"type": "MULT18X18D"}, "sum": carry, **luts}}
    return {"modules": {"LUT4": {"cells": {}}, "top": top}}

"""``vitaccel synth``: a design becomes tables, JSON, a page, a bitstream; what is wrong is one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Result
from tests.sim.board.stub import Stub
from vitaccel_rtl.synthesis import implement as implementing
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import DEVICES
from vitaccel_rtl.synthesis.implement import Implementation, Stage
from vitaccel_rtl.synthesis.nextpnr import Timing
from vitaccel_rtl.synthesis.seeds import FailedSeed
from vitaccel_rtl.synthesis.tools import SynthesisError
from vitaccel_rtl.verilog import to_verilog

Run = Callable[..., Result]

BLOCK = """
module small(clk, a, o);
  input clk;
  wire clk;
  input [3:0] a;
  wire [3:0] a;
  output [3:0] o;
  reg [3:0] o;
  always_ff @(posedge clk) o <= a + 4'd3;
endmodule
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A block."""
    (tmp_path / "small.sv").write_text(BLOCK)
    return tmp_path


class Tools:
    """What :func:`implement` is called with, and what it returns."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.areas = {
            "": Area(luts=1000, flip_flops=50, multipliers=2, ram_luts=8),
            "a": Area(luts=300, ram_luts=8),
            "a.x": Area(luts=100),
            "a.y": Area(luts=200),
            "a.y.z": Area(luts=7),
            "b": Area(luts=700, flip_flops=50, multipliers=2),
        }
        self.megahertz = {1: 91.5, 2: 101.25, 3: 99.0}
        self.failed: tuple[FailedSeed, ...] = ()
        self.error: Exception | None = None

    def __call__(self, verilog: Any, device: Any, **given: Any) -> Implementation:
        self.calls.append({"name": verilog.name, "device": device.name, **given})
        if self.error:
            raise self.error
        seeds = given["seeds"] if device.is_routed and not device.missing(self.areas[""]) else ()
        return Implementation(
            name=verilog.name,
            device=device,
            areas=self.areas,
            timings=tuple(
                Timing(seed=seed, frequency_mhz=self.megahertz[seed], start="b.s_Q", end="a.x.t_DI", logic_ns=4.0,
                       routing_ns=6.0)
                for seed in seeds
            ),
            path=("b", "", "a.x") if seeds else (),
            stages=(Stage(name="synthesis", seconds=2.5),),
            failed_seeds=self.failed,
            bitstream=b"bits" if given["pins"] is not None and seeds else None,
        )  # fmt: skip


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Tools:
    made = Tools()
    monkeypatch.setattr(implementing, "implement", made)
    return made


def test_blocks_in_order_shares_and_the_slowest_path(vitaccel: Run, folder: Path, tools: Tools) -> None:
    result = vitaccel("synth", folder, "--seeds", "1,2,3")
    assert result.code == 0, result
    lines = result.out.splitlines()
    assert [line.split()[0] for line in lines[3:7]] == ["b", "a", "a.y", "a.x"]
    assert "a.y.z" not in result.out
    (whole,) = [line.split() for line in lines if line.startswith("(whole")]
    assert whole[2:] == ["1,008", "1.2%", "50", "2", "0", "8"]
    assert any(line.split()[:2] == ["2", "101.2"] for line in lines)
    assert [line.split()[1:] for line in lines[-3:]] == [["b"], ["(whole", "design)"], ["a.x"]]
    assert "synthesis: 2.5 s" in result.err
    assert [call["seeds"] for call in tools.calls] == [(1, 2, 3)]


@pytest.mark.usefixtures("tools")
def test_more_levels(vitaccel: Run, folder: Path) -> None:
    assert "a.y.z" in vitaccel("synth", folder, "--depth", "3").out
    assert "a.x" not in vitaccel("synth", folder, "--depth", "1", "--seeds", "0").out


@pytest.mark.usefixtures("tools")
def test_json_and_a_page(vitaccel: Run, folder: Path) -> None:
    page = folder / "report.html"
    result = vitaccel("synth", folder, "--seeds", "1,2", "--json", "--html", page)
    record = json.loads(result.out)
    assert record["area"]["luts"] == 1000
    assert record["shares"]["multipliers"] == pytest.approx(2 / 156)
    assert record["frequency_hz"] == 101.25e6
    assert (record["seed"], record["path"], record["missing"]) == (2, ["b", "", "a.x"], [])
    assert [block["block"] for block in record["blocks"]] == ["a", "a.x", "a.y", "a.y.z", "b"]
    text = page.read_text()
    assert "101.2 MHz" in text
    assert "http" not in text.replace("http-equiv", "")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What stands for the accelerator of a network."""
    folder = tmp_path_factory.mktemp("network")
    (folder / "vitaccel.sv").write_text(to_verilog(Stub(), name="vitaccel").text)
    (folder / "memory_map.json").write_text(json.dumps({"memory_bytes": 8193}))
    return folder


def test_the_bitstream_of_a_board(vitaccel: Run, network: Path, tmp_path: Path, tools: Tools) -> None:
    output = tmp_path / "board.bit"
    result = vitaccel("synth", network, "--board", "ulx3s", "--frequency", "80", "-o", output)
    assert result.code == 0, result
    assert output.read_bytes() == b"bits"
    (call,) = tools.calls
    assert (call["name"], call["device"], call["wanted_mhz"]) == ("ulx3s", "ecp5-85k", 75.0)
    assert 'LOCATE COMP "clk_25mhz" SITE "G2";' in call["pins"].constraints


def test_a_clock_that_is_not_reached_is_no_bitstream(
    vitaccel: Run, network: Path, tmp_path: Path, tools: Tools
) -> None:
    output = tmp_path / "board.bit"
    result = vitaccel("synth", network, "--board", "ulx3s", "--frequency", "100", "-o", output)
    assert result.code == 2
    sentence = "ulx3s must run at 100 MHz, not at 91.5 at most: --frequency lowers its clock, --seeds tries others"
    assert result.err.endswith(f"error: {sentence}\n")
    assert not output.exists()
    assert tools.calls


def test_a_design_that_does_not_fit_is_shown_and_refused(vitaccel: Run, folder: Path, tools: Tools) -> None:
    tools.areas[""] = Area(luts=90_000, multipliers=200)
    result = vitaccel("synth", folder)
    assert result.code == 2
    assert "90,000" in result.out
    sentence = "small must fit Lattice LFE5U-85F, and takes 90,000 of 83,640 LUTs, 200 of 156 multipliers"
    assert result.err.endswith(f"error: {sentence}\n")


def test_a_tool_that_fails_is_one_sentence_and_leaves_nothing(vitaccel: Run, folder: Path, tools: Tools) -> None:
    tools.error = SynthesisError("nextpnr-ecp5 must accept the component, but says: no; its log is x.log")
    assert vitaccel("synth", folder, "--json", folder / "r.json").refused() == str(tools.error)
    assert [path.name for path in folder.iterdir()] == ["small.sv"]


def test_an_interrupt_leaves_nothing(vitaccel: Run, folder: Path, tools: Tools) -> None:
    tools.error = KeyboardInterrupt()  # type: ignore[assignment]
    assert vitaccel("synth", folder, "--json", folder / "r.json").code == 130
    assert [path.name for path in folder.iterdir()] == ["small.sv"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--target", "ecp6"), "--target must be one of ecp5-85k, xcup, xc7, not 'ecp6'"),
        (("--seeds", "1,x"), "--seeds must be numbers such as 1,2,3, or 0 for none, not '1,x'"),
        (("--frequency", "nan"), "--frequency must be 1 to 1000 MHz, not nan"),
        (("--logic-rows", "3"), "--logic-rows must be 0 at most, the rows of small's array, not 3"),
        (("--by-blocks", "--target", "xc7"), "a design must have large blocks to be synthesised by blocks, and small "),
        (("-o", "x.bit"), "-o must come with --board and a seed: only a board's system has pins, and a bitstream"),
    ],
)
def test_what_cannot_be_is_refused(arguments: tuple[str, ...], said: str, vitaccel: Run, folder: Path) -> None:
    assert vitaccel("synth", folder, *arguments).refused().startswith(said)


def test_a_small_block_on_a_real_device(
    vitaccel: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Yosys runs; results are kept beside where the command runs."""
    monkeypatch.chdir(tmp_path)
    result = vitaccel("synth", folder, "--target", "xc7", "--json")
    record = json.loads(result.out)
    assert record["area"]["flip_flops"] == 4
    assert record["device"] == DEVICES["xc7"].title
    assert record["frequency_hz"] is None
    assert (tmp_path / "build" / "synthesis").is_dir()


def test_a_design_by_blocks(vitaccel: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the large blocks of an accelerator, here one has a register."""
    inner = BLOCK.replace("module small", "module inner")
    ports = "input clk;\n  input [3:0] a;\n  output [3:0] o;"
    outer = f"module outer(clk, a, o);\n  {ports}\n  inner load (\n    .clk(clk), .a(a), .o(o)\n  );\nendmodule\n"
    (tmp_path / "outer.sv").write_text(outer + inner)
    monkeypatch.chdir(tmp_path)
    result = vitaccel("synth", tmp_path, "--target", "xc7", "--by-blocks", "--json")
    record = json.loads(result.out)
    assert (record["area"]["flip_flops"], [block["block"] for block in record["blocks"]]) == (4, ["load"])
    assert "synthesis by blocks: " in result.err


def test_a_seed_that_fails_is_said_beside_the_others(vitaccel: Run, folder: Path, tools: Tools) -> None:
    tools.failed = (FailedSeed(seed=3, sentence="nextpnr-ecp5 must accept it, but says: no"),)
    result = vitaccel("synth", folder, "--seeds", "1,3", "--html", folder / "r.html")
    assert result.code == 0
    assert "seed 3 failed: nextpnr-ecp5 must accept it, but says: no\n" in result.err
    assert "Seeds that failed" in result.out
    assert "Seeds that failed" in (folder / "r.html").read_text()
    assert json.loads(vitaccel("synth", folder, "--seeds", "1,3", "--json").out)["failed_seeds"] == [
        {"seed": 3, "error": "nextpnr-ecp5 must accept it, but says: no"}
    ]


@pytest.mark.parametrize("flag", ["--html", "--json"])
def test_a_design_is_not_overwritten_by_its_report(flag: str, vitaccel: Run, folder: Path, tools: Tools) -> None:
    for name in ("small.sv", "memory_map.json"):
        (folder / name).touch()
        said = vitaccel("synth", folder, f"{flag}={folder / name}").refused()
        assert said == f"output file {folder / name} must be a file of its own, not the input"
    assert (folder / "small.sv").read_text() == BLOCK
    assert not tools.calls


def test_a_cell_that_nobody_classified_is_one_sentence(
    vitaccel: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latch = "module top(clk, a, q);\n  input clk;\n  input a;\n  output q;\n  reg q;\n"
    (tmp_path / "top.sv").write_text(f"{latch}  always_latch if (clk) q = a;\nendmodule\n")
    monkeypatch.chdir(tmp_path)
    said = vitaccel("synth", tmp_path, "--target", "xcup").refused()
    assert said == "cells of xcup must be of a known type, not LDCE"


def test_what_is_not_installed_is_one_sentence(vitaccel: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert vitaccel("synth", folder).refused() == "synth needs Amaranth: pip install 'vitaccel[synth]'"


def test_another_name_behind_json_is_told_of_a_directory(vitaccel: Run, folder: Path) -> None:
    said = "--json must be followed by a .json file or by DIR, not 'a.html'; --json=a.html writes to a file of any name"
    assert vitaccel("synth", folder, "--json", "a.html").refused() == said

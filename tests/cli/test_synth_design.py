"""What a directory has for ``vitaccel synth``, and what it must have; every refusal is one sentence and code 2."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Result
from tests.sim.board.stub import Stub
from vitaccel.cli.synth_design import BOARDS, board_subject, check_board, design_in, files_in
from vitaccel.errors import VitaccelError
from vitaccel_rtl.board.ulx3s import PACKAGE, ulx3s
from vitaccel_rtl.synthesis.devices import DEVICES
from vitaccel_rtl.verilog import Verilog, VerilogError, to_verilog

Run = Callable[..., Result]

BLOCK = """
module small(clk, a, o);
  input clk;
  wire clk;
  input [3:0] a;
  wire [3:0] a;
  output o;
  reg o;
endmodule
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A block."""
    (tmp_path / "small.sv").write_text(BLOCK)
    return tmp_path


@pytest.fixture(scope="module")
def accelerator() -> Verilog:
    return to_verilog(Stub(), name="vitaccel")


@pytest.fixture
def network(tmp_path: Path, accelerator: Verilog) -> Path:
    """What stands for the accelerator of a network, whose memory is a byte more than a step."""
    (tmp_path / "vitaccel.sv").write_text(accelerator.text)
    (tmp_path / "memory_map.json").write_text(json.dumps({"memory_bytes": 8193}))
    return tmp_path


def test_the_one_block_of_a_directory(folder: Path) -> None:
    design = design_in(folder)
    assert (design.name, design.text) == ("small", BLOCK)
    assert [(port.name, port.width, port.is_input) for port in design.ports] == [
        ("clk", 1, True),
        ("a", 4, True),
        ("o", 1, False),
    ]


def test_the_accelerator_of_a_network_whatever_is_beside_it(network: Path) -> None:
    (network / "small.sv").write_text(BLOCK)
    assert design_in(network).name == "vitaccel"


def test_boards_have_devices_that_are_placed() -> None:
    assert all(DEVICES[device].is_routed for device in BOARDS.values())
    assert check_board("ulx3s", None) == check_board("ulx3s", "ecp5-85k") == "ecp5-85k"


def test_the_system_of_a_board_has_memory_in_steps(network: Path) -> None:
    subject = board_subject(network, "ulx3s", None)
    accelerator = design_in(network)
    assert subject.design == ulx3s(accelerator, memory_bytes=16384, frequency_mhz=50.0)[0]
    assert subject.design != ulx3s(accelerator, memory_bytes=8192, frequency_mhz=50.0)[0]
    assert subject.clock_mhz == 50.0
    assert subject.pins is not None
    assert subject.pins.package == PACKAGE


def test_the_clock_is_the_fastest_that_is_not_above_what_is_asked_for(network: Path) -> None:
    assert board_subject(network, "ulx3s", 80.0).clock_mhz == 75.0


def test_a_directory_without_a_design_is_refused(vitaccel: Run, folder: Path) -> None:
    missing = folder / "missing"
    assert vitaccel("synth", missing).refused() == f"{missing} must be a directory that vitaccel gen-rtl wrote"
    (folder / "other.sv").write_text("")
    said = f"{folder} must have one design, a .sv file that vitaccel gen-rtl wrote, not other.sv, small.sv"
    assert vitaccel("synth", folder).refused() == said
    (folder / "small.sv").unlink()
    said = f"{folder / 'other.sv'} must be what vitaccel gen-rtl wrote: the text must have a module other, and has none"
    assert vitaccel("synth", folder).refused() == said
    (folder / "other.sv").unlink()
    said = f"{folder} must have one design, a .sv file that vitaccel gen-rtl wrote, not none"
    assert vitaccel("synth", folder).refused() == said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--board", "ulx4s"), "--board must be one of ulx3s, not 'ulx4s' (did you mean 'ulx3s'?)"),
        (("--board", "ulx3s", "--target", "xc7"), "--target of board ulx3s must be ecp5-85k, not 'xc7'"),
        (("--board", "ulx3s"), "{} must have a network for a board: vitaccel gen-rtl MODEL.onnx writes one"),
    ],
)
def test_what_a_board_cannot_be_is_refused(arguments: tuple[str, ...], said: str, vitaccel: Run, folder: Path) -> None:
    assert vitaccel("synth", folder, *arguments).refused() == said.format(folder)


def test_a_clock_that_no_pll_makes_is_refused(vitaccel: Run, network: Path) -> None:
    said = "--frequency must be a clock that the PLL of board ulx3s makes of 25 MHz, not 1 MHz"
    assert vitaccel("synth", network, "--board", "ulx3s", "--frequency", "1").refused() == said


@pytest.mark.parametrize("text", ["", "no JSON", "{", "[" * 100_000, '{"memory_bytes": 1' + "0" * 5000 + "}"])
def test_a_memory_map_that_is_no_json_is_refused(text: str, network: Path) -> None:
    path = network / "memory_map.json"
    path.write_text(text)
    with pytest.raises(VitaccelError, match=f"^{path} must be JSON that vitaccel gen-rtl wrote: .*"):
        board_subject(network, "ulx3s", None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        *((text, "None") for text in ("{}", "[]", "null", "3", '{"memory_bytes": null}')),
        ('{"memory_bytes": "many"}', "'many'"),
        ('{"memory_bytes": 1e400}', "inf"),
        ('{"memory_bytes": 8192.5}', "8192.5"),
        ('{"memory_bytes": true}', "True"),
        ('{"memory_bytes": 0}', "0"),
        ('{"memory_bytes": -1}', "-1"),
    ],
)
def test_a_memory_map_without_a_size_is_refused(text: str, shown: str, vitaccel: Run, network: Path) -> None:
    path = network / "memory_map.json"
    path.write_text(text)
    said = f"memory_bytes of {path} must be a positive integer, not {shown}"
    assert vitaccel("synth", network, "--board", "ulx3s").refused() == said


def test_an_accelerator_of_others_is_refused(vitaccel: Run, network: Path, accelerator: Verilog) -> None:
    path = network / "vitaccel.sv"
    begin = f"{path} must have the ports of an accelerator, which differ from its own in "
    path.write_text(BLOCK.replace("small", "vitaccel"))
    assert vitaccel("synth", network, "--board", "ulx3s").refused() == f"{begin}a, interrupt, m_axi_araddr, ..."
    path.write_text(accelerator.text.replace("m_axi_arvalid", "m_axi_other"))
    assert vitaccel("synth", network, "--board", "ulx3s").refused() == f"{begin}m_axi_arvalid, m_axi_other"


def test_a_yosys_that_does_not_run_is_one_sentence(
    vitaccel: Run, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise VerilogError("Yosys must accept the netlist, but says: Traceback\n  line 1\nNo module named 'wasmtime'")

    monkeypatch.setattr("vitaccel_rtl.verilog._yosys", broken)
    said = "Amaranth's Yosys must write the system of board ulx3s, but says: No module named 'wasmtime'"
    assert vitaccel("synth", network, "--board", "ulx3s").refused() == said


def test_files_that_are_read(network: Path) -> None:
    (network / "small.sv").touch()
    (network / "registers.json").touch()
    assert [path.name for path in files_in(network)] == ["small.sv", "vitaccel.sv", "memory_map.json"]
    assert files_in(network / "missing") == []


def test_a_network_without_its_memory_map_is_refused(vitaccel: Run, network: Path) -> None:
    (network / "memory_map.json").unlink()
    said = f"{network} must have a network for a board: vitaccel gen-rtl MODEL.onnx writes one"
    assert vitaccel("synth", network, "--board", "ulx3s").refused() == said

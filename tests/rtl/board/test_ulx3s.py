"""The design for the board: its clock, its pins, and a bitstream of it with a stand-in for the accelerator."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.sim.board.stub import Stub
from vitaccel_rtl.board.ulx3s import PACKAGE, PINS, SPEED, constraints, cycles_of_a_bit, ulx3s
from vitaccel_rtl.synthesis.devices import DEVICES
from vitaccel_rtl.synthesis.implement import Pins, implement
from vitaccel_rtl.verilog import Verilog, to_verilog


@pytest.fixture(scope="module")
def stub() -> Verilog:
    return to_verilog(Stub(), name="vitaccel")


def test_the_line_has_its_speed_at_every_clock(stub: Verilog) -> None:
    for frequency in (25.0, 62.5):
        design, pll = ulx3s(stub, memory_bytes=1024, frequency_mhz=frequency, speed=SPEED)
        assert pll.frequency_mhz == frequency
        assert f".CLKFB_DIV({pll.feedback})" in design.text
        assert "module vitaccel(" in design.text


@pytest.mark.parametrize(
    ("frequency_mhz", "cycles", "error"),
    [(25.0, 25, 0.0), (37.5, 38, -0.013), (50.0, 50, 0.0), (62.5, 62, 0.008), (87.5, 88, -0.006), (112.5, 112, 0.004)],
)
def test_the_line_is_at_most_two_percent_off(frequency_mhz: float, cycles: int, error: float) -> None:
    assert cycles_of_a_bit(frequency_mhz) == cycles
    assert frequency_mhz / cycles - 1 == pytest.approx(error, abs=5e-4)


@pytest.mark.parametrize(("frequency_mhz", "speed"), [(12.5, SPEED), (24.0, SPEED), (25.0, 3_000_000)])
def test_a_line_that_is_too_far_off_is_refused(stub: Verilog, frequency_mhz: float, speed: int) -> None:
    sentence = f"^speed of the serial line must be within 2% of {speed:,} bits a second, not 4.2% off, as it is at "
    with pytest.raises(ValueError, match=sentence):
        ulx3s(stub, memory_bytes=1024, frequency_mhz=frequency_mhz, speed=speed)


def test_every_port_has_a_pin_and_the_reference_its_frequency(stub: Verilog) -> None:
    design, pll = ulx3s(stub, memory_bytes=1024, frequency_mhz=50.0)
    ports = re.search(r"^module ulx3s\((.*)\);$", design.text, re.MULTILINE)
    assert ports is not None
    names = set(re.findall(r"(?:input|output) (?:\[7:0\] )?(\w+)", ports[1]))
    assert names == {re.sub(r"\[\d\]", "", pin) for pin in PINS}
    text = constraints(pll)
    assert text.count("LOCATE COMP") == len(PINS) == len({place for place, _ in PINS.values()})
    assert 'FREQUENCY PORT "clk_25mhz" 25 MHZ;' in text


BENCH = """
module EHXPLLL #(parameter FEEDBK_PATH = "", OUTDIVIDER_MUXA = "", CLKOP_ENABLE = "", PLLRST_ENA = "", INTFB_WAKE = "",
    STDBY_ENABLE = "", DPHASE_SOURCE = "", CLKI_DIV = 1, CLKFB_DIV = 1, CLKOP_DIV = 1, CLKOP_CPHASE = 0,
    CLKOP_FPHASE = 0)
  (input CLKI, CLKFB, RST, STDBY, PHASESEL0, PHASESEL1, PHASEDIR, PHASESTEP, PHASELOADREG, PLLWAKESYNC, ENCLKOP,
   output CLKOP, LOCK);
  assign CLKOP = CLKI;
  assign LOCK = bench.lock;
endmodule
module system(input clk, rst, receive, output transmit, output [3:0] lights);
endmodule
module bench;
  reg clk = 0, lock = 0;
  integer edges = 0;
  ulx3s top(.clk_25mhz(clk), .ftdi_txd(1'b1));
  always #20 clk = ~clk;
  always @(posedge clk) edges = edges + 1;
  always @(top.rst) $display("%0d %b", edges, top.rst);
  initial begin
    #4007 lock = 1; edges = 0;
    #20000 lock = 0; edges = 0;
    #400 $finish;
  end
endmodule
"""
"""A PLL that passes its clock on and locks between two edges; tells the edges since, whenever the reset changes."""


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="Icarus is optional: vitaccel doctor")
def test_reset_follows_the_lock_by_two_registers(stub: Verilog, tmp_path: Path) -> None:
    """Two, 255 cycles of waiting, and the reset itself; back, two, one that counts from 0, and the reset."""
    design, _ = ulx3s(stub, memory_bytes=1024, frequency_mhz=25.0)
    top = design.text[design.text.index("module ulx3s(") :]
    (tmp_path / "bench.v").write_text(f"{BENCH}{top}")
    model = tmp_path / "bench"
    subprocess.run(["iverilog", "-g2012", "-s", "bench", "-o", model, tmp_path / "bench.v"], check=True)
    told = subprocess.run(["vvp", model], check=True, capture_output=True, text=True).stdout
    changes = [tuple(map(int, line.split())) for line in told.splitlines() if re.fullmatch(r"\d+ [01]", line)]
    assert changes[-2:] == [(2 + 255 + 1, 0), (2 + 1 + 1, 1)], told


@pytest.mark.full
def test_a_bitstream(stub: Verilog, tmp_path: Path) -> None:
    design, pll = ulx3s(stub, memory_bytes=8192, frequency_mhz=50.0)
    pins = Pins(package=PACKAGE, constraints=constraints(pll))
    made = implement(design, DEVICES["ecp5-85k"], wanted_mhz=50.0, pins=pins, folder=tmp_path)
    assert made.bitstream is not None
    assert made.bitstream[:2] == b"\xff\x00"
    assert b"LFE5U-85F" in made.bitstream[:200]
    assert made.total.block_rams == 4
    assert made.best is not None
    assert made.best.frequency_mhz > 50.0
    assert {"system.memory", "system.link", "system.accelerator"} <= set(made.areas)

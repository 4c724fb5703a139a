"""The ULX3S with an LFE5U-85F: clock, reset and pins around the system."""

from __future__ import annotations

from vitaccel_rtl.board.pll import Pll, pll_for
from vitaccel_rtl.board.system import LIGHTS, BoardSystem
from vitaccel_rtl.verilog import Verilog, to_verilog

REFERENCE_MHZ = 25.0
SPEED = 1_000_000
"""Bits a second of the serial line unless another number is asked for; its FT231X has 3,000,000 at most."""

MOST_SPEED_ERROR = 0.02
"""Of the serial line. A byte is sampled in the middles of 10 bits, so 5 % are half a bit at its end; the host's clock,
and where an edge is seen, take their part of that."""

PACKAGE = "CABGA381"
TOP = "ulx3s"
SYSTEM = "system"

LIGHT_PINS = ("B2", "C2", "C1", "D2", "D1", "E2", "E1", "H3")
PINS = {
    "clk_25mhz": ("G2", "LVCMOS33"),
    "ftdi_txd": ("M1", "LVCMOS33"),
    "ftdi_rxd": ("L4", "LVCMOS33"),
    "wifi_gpio0": ("L2", "LVCMOS33"),
    **{f"led[{number}]": (pin, "LVCMOS33") for number, pin in enumerate(LIGHT_PINS)},
}
"""Place and standard of each pin, from the board's own constraints (ulx3s_v20.lpf). ``wifi_gpio0`` stays high, or the
board's ESP32 takes the device over."""

CLOCK_TEXT = """
// Written by vitaccel: the system on a ULX3S.
module {top}(input clk_25mhz, input ftdi_txd, output ftdi_rxd, output wifi_gpio0, output [7:0] led);
  wire clk, locked;
  // {reference:g} MHz to {frequency:g} MHz, its oscillator at {vco:g} MHz.
  (* FREQUENCY_PIN_CLKI = "{reference:g}", FREQUENCY_PIN_CLKOP = "{frequency:g}" *)
  EHXPLLL #(
    .CLKI_DIV({pll.reference}), .CLKFB_DIV({pll.feedback}), .CLKOP_DIV({pll.output}), .CLKOP_CPHASE({phase}),
    .CLKOP_ENABLE("ENABLED"), .FEEDBK_PATH("CLKOP"), .CLKOP_FPHASE(0), .OUTDIVIDER_MUXA("DIVA"),
    .PLLRST_ENA("DISABLED"), .INTFB_WAKE("DISABLED"), .STDBY_ENABLE("DISABLED"), .DPHASE_SOURCE("DISABLED")
  ) pll (
    .CLKI(clk_25mhz), .CLKFB(clk), .CLKOP(clk), .LOCK(locked), .RST(1'b0), .STDBY(1'b0), .PHASESEL0(1'b0),
    .PHASESEL1(1'b0), .PHASEDIR(1'b1), .PHASESTEP(1'b1), .PHASELOADREG(1'b1), .PLLWAKESYNC(1'b0), .ENCLKOP(1'b0)
  );
  // Reset until the clock has been there for a while. The PLL locks at any time: two registers bring that to the clock.
  reg [1:0] seen = 0;
  reg [7:0] waited = 0;
  reg rst = 1;
  always @(posedge clk) begin
    seen <= {{seen[0], locked}};
    waited <= !seen[1] ? 8'd0 : waited == 8'd255 ? waited : waited + 8'd1;
    rst <= waited != 8'd255;
  end
  wire [{lights}:0] lights;
  {system} {system}(.clk(clk), .rst(rst), .receive(ftdi_txd), .transmit(ftdi_rxd), .lights(lights));
  assign led = {{locked, {{{unused}{{1'b0}}}}, lights}};
  assign wifi_gpio0 = 1'b1;
endmodule
"""


def system_verilog(accelerator: Verilog, *, memory_bytes: int, cycles_per_bit: int) -> Verilog:
    """Return the system of a board with the accelerator, without clock and pins: what can be simulated."""
    system = BoardSystem(accelerator=accelerator, memory_bytes=memory_bytes, cycles_per_bit=cycles_per_bit)
    made = to_verilog(system, name=SYSTEM)
    return Verilog(name=SYSTEM, text=f"{made.text}\n{accelerator.text}", ports=made.ports)


def ulx3s(accelerator: Verilog, *, memory_bytes: int, frequency_mhz: float, speed: int = SPEED) -> tuple[Verilog, Pll]:
    """Return the design for the board, its top module and all below it, and the PLL of its clock.

    Parameters
    ----------
    accelerator
        As ``gen-rtl`` wrote it.
    memory_bytes
        Of its memory.
    frequency_mhz
        The clock is not faster than that.
    speed
        Bits a second of the serial line.

    Raises
    ------
    ValueError
        If there is no such clock, memory or line; the line's speed may be 2 % off.
    """
    pll = pll_for(frequency_mhz, reference_mhz=REFERENCE_MHZ)
    cycles = cycles_of_a_bit(pll.frequency_mhz, speed)
    system = system_verilog(accelerator, memory_bytes=memory_bytes, cycles_per_bit=cycles)
    text = CLOCK_TEXT.format(
        top=TOP,
        pll=pll,
        reference=pll.reference_mhz,
        frequency=pll.frequency_mhz,
        vco=pll.vco_mhz,
        phase=pll.output - 1,
        lights=LIGHTS - 1,
        unused=7 - LIGHTS,
        system=SYSTEM,
    )
    return Verilog(name=TOP, text=f"{system.text}\n{text}", ports=()), pll


def cycles_of_a_bit(frequency_mhz: float, speed: int = SPEED) -> int:
    """Return the cycles of a bit with which the serial line is nearest to its speed.

    Parameters
    ----------
    frequency_mhz
        The clock.
    speed
        Bits a second.

    Raises
    ------
    ValueError
        If the line is more than :data:`MOST_SPEED_ERROR` off all the same.
    """
    cycles = max(1, round(1e6 * frequency_mhz / speed))
    error = abs(1e6 * frequency_mhz / cycles / speed - 1)
    if error > MOST_SPEED_ERROR:
        raise ValueError(
            f"speed of the serial line must be within {MOST_SPEED_ERROR:.0%} of {speed:,} bits a second, not "
            f"{error:.1%} off, as it is at {frequency_mhz:g} MHz"
        )
    return cycles


def constraints(pll: Pll) -> str:
    """Return places of the pins, and frequencies of the clocks, in Lattice's LPF."""
    lines = ["BLOCK RESETPATHS;", "BLOCK ASYNCPATHS;"]
    for name, (place, standard) in PINS.items():
        lines += [f'LOCATE COMP "{name}" SITE "{place}";', f'IOBUF PORT "{name}" IO_TYPE={standard};']
    lines.append(f'FREQUENCY PORT "clk_25mhz" {pll.reference_mhz:g} MHZ;')
    return "\n".join(lines) + "\n"

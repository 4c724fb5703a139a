"""A design of three pins around a component, so that a component of any width can be placed and routed.

Inputs come from a shift register, as from registers of a neighbour; outputs go to registers, whose bits are then folded
into one by XORs of four, a register behind each. No path of the harness itself has more than one LUT, so the slowest
path is the component's. The harness is for the frequency only: area is counted of the component without it.
"""

from __future__ import annotations

from vitaccel_rtl.verilog import Verilog

NAME = "harness"
INSTANCE = "block"
"""Of the component in it."""

CLOCK = "clk"
FOLDED = 4
"""Bits that one LUT of ECP5 folds."""


def harness(verilog: Verilog) -> str:
    """Return the Verilog of a top module ``harness`` around a component that has a clock ``clk``.

    Raises
    ------
    ValueError
        If the component has no clock, no other input, or no output.
    """
    inputs = [port for port in verilog.ports if port.is_input and port.width and port.name != CLOCK]
    outputs = [port for port in verilog.ports if not port.is_input and port.width]
    if not inputs or not outputs or not any(port.name == CLOCK for port in verilog.ports):
        raise ValueError(f"a component must have a clock, inputs and outputs to be timed, and {verilog.name} has not")
    connections = [f".{CLOCK}({CLOCK})"]
    for bus, ports in (("driven", inputs), ("made", outputs)):
        place = 0
        for port in ports:
            connections.append(f".{port.name}({bus}[{place} +: {port.width}])")
            place += port.width
    driven = sum(port.width for port in inputs)
    made = sum(port.width for port in outputs)
    shifted = f"{{driven[{driven - 2}:0], d}}" if driven > 1 else "d"
    lines = [
        f"module {NAME}(input {CLOCK}, input d, output q);",
        f"  reg [{driven - 1}:0] driven;",
        f"  always @(posedge {CLOCK}) driven <= {shifted};",
        f"  wire [{made - 1}:0] made;",
        f"  {verilog.name} {INSTANCE}({', '.join(connections)});",
        *_fold(made),
        "endmodule",
    ]
    return "\n".join(lines) + "\n"


def _fold(width: int) -> list[str]:
    """Registers of the outputs, and of what is left of them after each XOR of four."""
    lines = [f"  reg [{width - 1}:0] fold_0;", f"  always @(posedge {CLOCK}) fold_0 <= made;"]
    level = 0
    while width > 1:
        groups = [(low, min(FOLDED, width - low)) for low in range(0, width, FOLDED)]
        bits = ", ".join(f"^fold_{level}[{low} +: {count}]" for low, count in reversed(groups))
        width, level = len(groups), level + 1
        lines += [
            f"  reg [{width - 1}:0] fold_{level};",
            f"  always @(posedge {CLOCK}) fold_{level} <= {{{bits}}};",
        ]
    return [*lines, f"  assign q = fold_{level};"]

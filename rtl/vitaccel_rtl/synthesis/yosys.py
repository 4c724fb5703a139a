"""Synthesis of a component by Yosys, for ECP5 and for UltraScale+: its netlist, and the area of that."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from vitaccel_rtl.synthesis.builds import BUILD_FOLDER, YOSYS, cached
from vitaccel_rtl.synthesis.cells import Area, area_of
from vitaccel_rtl.synthesis.registers import move_registers
from vitaccel_rtl.verilog import Verilog

SYNTHESIS = {
    "ecp5": "synth_ecp5",
    "xcup": "synth_xilinx -family xcup -flatten -noiopad -noclkbuf",
}
"""Yosys' command by target; neither puts buffers at the ports, which are not pins of the device."""

ROWS = "*_row_*"
"""Modules of which each keeps its own control registers, equal as they are: one for all would have to reach all."""

ZEROS = "dffunmap -srst-only t:$_SDFFCE_*"
"""A zero that an enabled register may load stays logic. As a reset of the register, which on ECP5 comes before the
enable, it would have to be gated with that: a LUT more on the way of the signal that has the longest."""

SOURCE = "component.sv"
NETLIST = "netlist.json"


def netlist_of(text: str, top: str, target: str, *, folder: Path = BUILD_FOLDER) -> dict[str, Any]:
    """Return Yosys' netlist of a design, flat; for ECP5 with registers in its multipliers and block RAMs.

    Parameters
    ----------
    text
        SystemVerilog.
    top
        Its top module.
    target
        ``ecp5`` or ``xcup`` (UltraScale+).
    folder
        Of all results.

    Raises
    ------
    SynthesisError
        If Yosys is not installed or refuses the design.
    """
    before, after = "", ""
    if re.search(r"^module \S*_row_", text, re.MULTILINE):
        before = f"setattr -mod -set keep_hierarchy 1 {ROWS}; "
        after = f"setattr -mod -unset keep_hierarchy {ROWS}; flatten; opt_clean; "
    synthesis = f"{SYNTHESIS[target]} -top {top}"
    if target == "ecp5":
        synthesis = f"{synthesis} -run begin:map_ffs; {ZEROS}; {synthesis} -run map_ffs:"
    script = f"read_verilog -sv {SOURCE}; {before}{synthesis}; {after}write_json {NETLIST}"
    place = cached(YOSYS, ("-q", "-p", script), {SOURCE: text}, folder)
    netlist = json.loads((place / NETLIST).read_text())
    if target == "ecp5":
        move_registers(netlist["modules"][top])
    return netlist


def synthesize(verilog: Verilog, target: str, *, folder: Path = BUILD_FOLDER) -> Area:
    """Return the area of a component on a target: parameters and errors of :func:`netlist_of`.

    Raises
    ------
    UnknownCellError
        If the netlist has a cell whose cost nobody has said.
    """
    netlist = netlist_of(verilog.text, verilog.name, target, folder=folder)
    cells = netlist["modules"][verilog.name]["cells"].values()
    return area_of(Counter(cell["type"] for cell in cells), target)

"""Synthesis of a component by Yosys, for ECP5, UltraScale+ and 7 series: its netlist, and the area of that."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from vitaccel_rtl.synthesis.builds import BUILD_FOLDER, cached
from vitaccel_rtl.synthesis.cells import Area, area_of
from vitaccel_rtl.synthesis.registers import move_registers
from vitaccel_rtl.synthesis.tools import YOSYS, Progress, in_silence
from vitaccel_rtl.synthesis.whole import ends_with
from vitaccel_rtl.verilog import Verilog

SYNTHESIS = {
    "ecp5": "synth_ecp5",
    "xcup": "synth_xilinx -family xcup -flatten -noiopad -noclkbuf",
    "xc7": "synth_xilinx -family xc7 -flatten -noiopad -noclkbuf",
}
"""Yosys' command by target; neither puts buffers at the ports, which are not pins of the device."""

ROWS = "*_row_*"
"""Modules of which each keeps its own control registers, equal as they are: one for all would have to reach all."""

ZEROS = "dffunmap -srst-only t:$_SDFFCE_*"
"""A zero that an enabled register may load stays logic. As a reset of the register, which on ECP5 comes before the
enable, it would have to be gated with that: a LUT more on the way of the signal that has the longest."""

BITS = "splitnets"
"""A whole accelerator has signals ``x`` of several bits and others called ``x[1]``, and ABC's results name bits so too:
Yosys ends when two are the same (its issue 4349)."""

SOURCE = "component.sv"
NETLIST = "netlist.json"

RESULTS = {NETLIST: ends_with(b"\n}\n")}
"""Of Yosys' JSON only the last brace begins a line: the netlist of an accelerator is not read twice."""

PRODUCTS = Path(__file__).with_name("products.v")
"""How products are made of LUTs and carry chains."""

ROW_INSTANCES = "*.row_*"
"""What modules of rows are called when each instance has a module of its own."""


_CLEARED = re.compile(
    r"^(?:  integer (?P<place>\w+);\n)?  initial begin\n"
    r"(?:    for \((?P=place) = 0; .*\) \w+\[(?P=place)\] = \d+'[hd]0+;\n|(?:    \w+\[\d+\] = \d+'[hd]0+;\n)+)  end\n",
    re.MULTILINE,
)
"""Of a memory: its words are 0 at first."""

_COMMENT = re.compile(r"^ *//.*\n", re.MULTILINE)
"""A line that is one: what is synthesised is found again whatever a header says."""

LARGE_CLEARED = 4096
"""Characters of such a statement, or a loop: Yosys would take minutes for each, and devices clear their memories."""


def netlist_of(
    text: str,
    top: str,
    target: str,
    *,
    is_named: bool = False,
    logic_rows: int = 0,
    folder: Path = BUILD_FOLDER,
    say: Progress = in_silence,
) -> dict[str, Any]:
    """Return Yosys' netlist of a design, flat; for ECP5 with registers in its multipliers and block RAMs.

    Parameters
    ----------
    text
        SystemVerilog.
    top
        Its top module.
    target
        ``ecp5``, ``xcup`` (UltraScale+) or ``xc7`` (7 series).
    is_named
        Whether every cell is called after the signal that it drives, which says in which block it is; cells of ECP5
        always are.
    logic_rows
        Rows of the array whose products are not multipliers of the ECP5 but LUTs and carries.
    folder
        Of all results.
    say
        Called with what Yosys does.

    Raises
    ------
    SynthesisError
        If Yosys is not installed or refuses the design.
    """
    before, after, sources = "", "", {SOURCE: without_cleared(text)}
    if re.search(r"^module \S*_row_", text, re.MULTILINE):
        rows = ROW_INSTANCES if logic_rows else ROWS
        before = f"setattr -mod -set keep_hierarchy 1 {rows}; "
        after = f"setattr -mod -unset keep_hierarchy {rows}; flatten; opt_clean; "
    if logic_rows:
        chosen = " ".join(f"*.row_{row}" for row in range(logic_rows))
        steps = "".join(f"{step} {chosen}; " for step in ("proc", "opt", "wreduce", "peepopt", "opt_clean"))
        products = " ".join(f"*.row_{row}/t:$mul" for row in range(logic_rows))
        before = f"hierarchy -top {top}; uniquify; {steps}techmap -map {PRODUCTS.name} {products}; {before}"
        sources[PRODUCTS.name] = PRODUCTS.read_text()
    synthesis = f"{SYNTHESIS[target]} -top {top}"
    if target == "ecp5":
        synthesis = f"{synthesis} -run begin:map_ffs; {ZEROS}; {synthesis} -run map_ffs:"
    if is_named and target != "ecp5":
        synthesis = f"{synthesis} -run begin:map_luts; {BITS}; {synthesis} -run map_luts:"
        after += "autoname; "
    script = f"read_verilog -sv {SOURCE}; {before}{synthesis}; {after}write_json {NETLIST}"
    place = cached(YOSYS, ("-q", "-p", script), sources, folder, results=RESULTS, say=say)
    netlist = json.loads((place / NETLIST).read_text())
    if target == "ecp5":
        move_registers(netlist["modules"][top])
    return netlist


def synthesize(verilog: Verilog, target: str, *, logic_rows: int = 0, folder: Path = BUILD_FOLDER) -> Area:
    """Return the area of a component on a target: parameters and errors of :func:`netlist_of`.

    Raises
    ------
    UnknownCellError
        If the netlist has a cell whose cost nobody has said.
    """
    netlist = netlist_of(verilog.text, verilog.name, target, logic_rows=logic_rows, folder=folder)
    cells = netlist["modules"][verilog.name]["cells"].values()
    return area_of(Counter(cell["type"] for cell in cells), target)


def without_cleared(text: str) -> str:
    """Return Verilog without comments, whose large memories say nothing of the zeros that they hold at first."""

    def kept(found: re.Match[str]) -> str:
        return found[0] if found["place"] is None and len(found[0]) < LARGE_CLEARED else ""

    return _CLEARED.sub(kept, _COMMENT.sub("", text))

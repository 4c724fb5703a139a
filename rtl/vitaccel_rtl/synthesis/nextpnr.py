"""Frequency of a component on ECP5: placed and routed by nextpnr within a harness of three pins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vitaccel_rtl.synthesis import harness
from vitaccel_rtl.synthesis.builds import BUILD_FOLDER, NEXTPNR, cached
from vitaccel_rtl.synthesis.yosys import NETLIST, netlist_of
from vitaccel_rtl.verilog import Verilog

DEVICE = ("--85k", "--package", "CABGA756")
MULTIPLIERS = 156
"""Of that device, each of 18 x 18 bits; there is no larger ECP5."""

SPEED_GRADE = 6
"""The slowest of ECP5's grades."""

WANTED_MHZ = 250
"""What placement strives for; above what is asked of the blocks, so that it does not rest at that."""

REPORT = "report.json"


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One place-and-route of a component.

    Parameters
    ----------
    seed
        Of the placer.
    frequency_mhz
        The highest at which the slowest path holds.
    start, end
        Cells and ports between which that path runs.
    logic_ns, routing_ns
        Its delay in cells (with the setup time) and on wires.
    """

    seed: int
    frequency_mhz: float
    start: str
    end: str
    logic_ns: float
    routing_ns: float


def place_and_route(verilog: Verilog, *, seed: int = 1, folder: Path = BUILD_FOLDER) -> Timing:
    """Return the frequency of a component with one clock on an ECP5 of 84k LUTs, speed grade 6.

    Parameters
    ----------
    verilog
        The component. Its inputs and outputs are registers of a :mod:`vitaccel_rtl.synthesis.harness`.
    seed
        Of the placer: another one gives a frequency some per cent higher or lower.
    folder
        Of all results.

    Raises
    ------
    SynthesisError
        If a tool is not installed, or refuses the component: it may not fit.
    ValueError
        If the component has no clock, no other input, or no output.
    """
    netlist = netlist_of(verilog.text + harness.harness(verilog), harness.NAME, "ecp5", folder=folder)
    arguments = (*DEVICE, "--speed", str(SPEED_GRADE), "--freq", str(WANTED_MHZ), "--seed", str(seed))
    arguments += ("--json", NETLIST, "--report", REPORT, "--timing-allow-fail", "--quiet")
    place = cached(NEXTPNR, arguments, {NETLIST: json.dumps(netlist)}, folder)
    return _timing(json.loads((place / REPORT).read_text()), seed)


def _timing(report: dict, seed: int) -> Timing:
    """Read nextpnr's report: the frequency of its one clock, and the path within it."""
    ((clock, frequency),) = report["fmax"].items()
    (path,) = [path for path in report["critical_paths"] if path["from"] == path["to"] == f"posedge {clock}"]
    steps: Sequence[dict] = path["path"]
    routing = sum(step["delay"] for step in steps if step["type"] == "routing")
    whole = sum(step["delay"] for step in steps)
    return Timing(
        seed=seed,
        frequency_mhz=frequency["achieved"],
        start=_pin(steps[0]["from"]),
        end=_pin(steps[-1]["to"]),
        logic_ns=whole - routing,
        routing_ns=routing,
    )


def _pin(end: dict[str, str]) -> str:
    return f"{end['cell']}.{end['port']}"

"""Place-and-route on ECP5 by nextpnr: the frequency of a component in a harness of three pins, bitstreams of boards."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitaccel_rtl.synthesis import harness
from vitaccel_rtl.synthesis.builds import BUILD_FOLDER, cached
from vitaccel_rtl.synthesis.carry_constants import fold_zeros
from vitaccel_rtl.synthesis.devices import DEVICES
from vitaccel_rtl.synthesis.multiplier_sites import place_multipliers
from vitaccel_rtl.synthesis.tools import ECPPACK, NEXTPNR, Progress, SynthesisError, in_silence
from vitaccel_rtl.synthesis.whole import ends_with, is_json
from vitaccel_rtl.synthesis.yosys import NETLIST, netlist_of
from vitaccel_rtl.verilog import Verilog

PACKAGE = "CABGA756"
"""The largest of ECP5; a harness has three pins in any."""

DEVICE = (*DEVICES["ecp5-85k"].nextpnr, "--package", PACKAGE)
"""There is no larger ECP5."""

SPEED_GRADE = 6
"""The slowest of ECP5's grades."""

WANTED_MHZ = 250
"""What placement strives for; above what is asked of the blocks, so that it does not rest at that."""

LARGE_CELLS = 30_000
"""From so many on a design is placed by nextpnr's static placer, not by its analytic one, which draws the logic of
large designs together and leaves it far from their multipliers: behind it an array of 12 x 12 (35,000 cells) is routed
by neither of nextpnr's routers in any time that one would wait."""

FULL_CELLS = 80_000
"""From so many on a design is routed by nextpnr's second router, which lets nets share wires at first and makes what is
shared dearer until none is (McMurchie and Ebeling, PathFinder, FPGA 1995). The first one rips up one net for another:
of an accelerator of P = 8, 109,000 cells, it had 184,000 of 318,000 connections left after 280,000 turns. Where it ends
its paths are shorter: P = 4, 68,000 cells, reaches 70 MHz by it, and 58 by the second one with sites given."""

REPORT = "report.json"
CONSTRAINTS = "pins.lpf"
CONFIGURATION = "design.config"
BITSTREAM = "design.bit"

CONFIGURATION_ENDS = ends_with(b"\n\n")
"""An empty line is after every tile, the last one too. That no tiles are missing, nextpnr's last words say."""

BITSTREAM_ENDS = ends_with(bytes.fromhex("5e000000 ffffffff"))
"""The command that ends the configuration of the device, and a dummy (Project Trellis, Bitstream format)."""


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
    cells
        Those that it goes through, the first and the last one included.
    """

    seed: int
    frequency_mhz: float
    start: str
    end: str
    logic_ns: float
    routing_ns: float
    cells: tuple[str, ...] = ()


def place_and_route(verilog: Verilog, *, seed: int = 1, logic_rows: int = 0, folder: Path = BUILD_FOLDER) -> Timing:
    """Return the frequency of a component with one clock on an ECP5 of 84k LUTs, speed grade 6.

    Parameters
    ----------
    verilog
        The component. Its inputs and outputs are registers of a :mod:`vitaccel_rtl.synthesis.harness`.
    seed
        Of the placer: another one gives a frequency some per cent higher or lower.
    logic_rows
        Rows of the array whose products are LUTs and carries.
    folder
        Of all results.

    Raises
    ------
    SynthesisError
        If a tool is not installed, or refuses the component: it may not fit.
    ValueError
        If the component has no clock, no other input, or no output.
    """
    text = verilog.text + harness.harness(verilog)
    netlist = netlist_of(text, harness.NAME, "ecp5", logic_rows=logic_rows, folder=folder)
    return timing_of(route(netlist, DEVICE, seed=seed, folder=folder), seed)


def route(
    netlist: dict[str, Any],
    device: Sequence[str],
    *,
    seed: int = 1,
    wanted_mhz: float = WANTED_MHZ,
    constraints: str | None = None,
    folder: Path = BUILD_FOLDER,
    say: Progress = in_silence,
) -> Path:
    """Place and route a netlist, and return the folder with nextpnr's report and log.

    Parameters
    ----------
    netlist
        Of :func:`vitaccel_rtl.synthesis.yosys.netlist_of` for ECP5.
    device
        nextpnr's arguments that name device and package.
    seed
        Of the placer.
    wanted_mhz
        What placement strives for.
    constraints
        Places of the pins, in Lattice's LPF; with it a configuration is written, without it pins are anywhere.
    folder
        Of all results.
    say
        Called with what nextpnr does.

    Raises
    ------
    SynthesisError
        If nextpnr is not installed, or cannot place and route the netlist.
    """
    arguments = (*device, "--speed", str(SPEED_GRADE), "--freq", f"{wanted_mhz:g}", "--seed", str(seed))
    arguments += ("--json", NETLIST, "--report", REPORT, "--timing-allow-fail", "--quiet")
    cells = max((module["cells"] for module in netlist["modules"].values()), key=len)
    arguments += _means(len(cells))
    if len(cells) >= FULL_CELLS:
        netlist = copy.deepcopy(netlist)
        for module in netlist["modules"].values():
            fold_zeros(module["cells"])
            try:
                place_multipliers(module["cells"])
            except ValueError as error:
                raise SynthesisError(str(error)) from error
    sources, results = {NETLIST: json.dumps(netlist)}, {REPORT: is_json}
    if constraints is not None:
        results[CONFIGURATION] = CONFIGURATION_ENDS
        arguments += ("--lpf", CONSTRAINTS, "--textcfg", CONFIGURATION)
        sources[CONSTRAINTS] = constraints
    return cached(NEXTPNR, arguments, sources, folder, results=results, say=say)


def _means(cells: int) -> tuple[str, ...]:
    """Return the arguments that choose placer and router for a design of so many cells."""
    placer = ("--placer", "static") if cells >= LARGE_CELLS else ()
    router = ("--router", "router2") if cells >= FULL_CELLS else ()
    return placer + router


def bitstream(place: Path, *, folder: Path = BUILD_FOLDER, say: Progress = in_silence) -> bytes:
    """Return the bitstream, compressed, of a design that :func:`route` placed with constraints.

    Raises
    ------
    SynthesisError
        If it has no configuration, or ecppack refuses it.
    """
    configuration = place / CONFIGURATION
    if not configuration.exists():
        raise SynthesisError("a design must be placed with constraints of its pins to have a bitstream")
    arguments = ("--compress", "--input", CONFIGURATION, "--bit", BITSTREAM)
    sources, results = {CONFIGURATION: configuration.read_text()}, {BITSTREAM: BITSTREAM_ENDS}
    made = cached(ECPPACK, arguments, sources, folder, results=results, say=say)
    return (made / BITSTREAM).read_bytes()


def used(place: Path) -> dict[str, tuple[int, int]]:
    """Return how many of each kind of cell a placed design takes, and how many there are."""
    report = json.loads((place / REPORT).read_text())
    return {kind: (counts["used"], counts["available"]) for kind, counts in report["utilization"].items()}


def timing_of(place: Path, seed: int) -> Timing:
    """Return the frequency of a design that :func:`route` placed: of its slowest clock, with its slowest path.

    Raises
    ------
    SynthesisError
        If nextpnr's report is none, or tells of no path from register to register.
    """
    try:
        report = json.loads((place / REPORT).read_text())
        return _timing(report, seed)
    except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
        said = f"{type(error).__name__}: {error}"
        raise SynthesisError(f"{place / REPORT} must be a report of nextpnr, and is not ({said})") from error


def _timing(report: dict, seed: int) -> Timing:
    """Read nextpnr's report: the frequency of its slowest clock, and the path within it."""
    clocks = {clock: each["achieved"] for clock, each in report["fmax"].items()}
    clock = min(clocks, key=lambda each: clocks[each], default=None)
    paths = [path for path in report["critical_paths"] if path["from"] == path["to"] == f"posedge {clock}"]
    if clock is None or not paths:
        raise SynthesisError("a design must have a path from register to register to have a frequency, and has none")
    (path,) = paths
    steps: Sequence[dict] = path["path"]
    routing = sum(step["delay"] for step in steps if step["type"] == "routing")
    whole = sum(step["delay"] for step in steps)
    return Timing(
        seed=seed,
        frequency_mhz=clocks[clock],
        start=_pin(steps[0]["from"]),
        end=_pin(steps[-1]["to"]),
        logic_ns=whole - routing,
        routing_ns=routing,
        cells=tuple(dict.fromkeys([steps[0]["from"]["cell"], *(step["to"]["cell"] for step in steps)])),
    )


def _pin(end: dict[str, str]) -> str:
    return f"{end['cell']}.{end['port']}"

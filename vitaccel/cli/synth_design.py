"""What ``vitaccel synth`` takes: the design in a directory of gen-rtl, alone or as the system of a board."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vitaccel.errors import VitaccelError, did_you_mean

if TYPE_CHECKING:
    from vitaccel_rtl.synthesis.implement import Pins
    from vitaccel_rtl.verilog import Verilog

NETWORK = "vitaccel.sv"
"""What gen-rtl calls the accelerator of a network."""

MEMORY_MAP = "memory_map.json"

BOARDS = {"ulx3s": "ecp5-85k"}
"""Boards that there is a system for, and the device of each."""

BOARD_MHZ = 50.0
"""Clock of a board's system unless another is asked for."""

MEMORY_STEP = 8192
"""A memory has a multiple of so many bytes: four block RAMs of 16 bits and 1024 words."""


SHOWN_PORTS = 3
"""Of those that are wrong."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is synthesised.

    Parameters
    ----------
    design
        Its Verilog.
    pins
        Of a board.
    clock_mhz
        What it must run at; ``None`` for a design that has no clock of its own.
    """

    design: Verilog
    pins: Pins | None = None
    clock_mhz: float | None = None


def files_in(folder: Path) -> list[Path]:
    """Return the files of a directory that are read, or that would be if others were not there."""
    return [path for path in (*sorted(folder.glob("*.sv")), folder / MEMORY_MAP) if path.is_file()]


def design_in(folder: Path) -> Verilog:
    """Return the design that gen-rtl wrote to a directory: the accelerator of a network, or the one block there.

    Raises
    ------
    VitaccelError
        If there is none, or more than one.
    """
    from vitaccel_rtl.ports import ports_of
    from vitaccel_rtl.verilog import Verilog

    if not folder.is_dir():
        raise VitaccelError(f"{folder} must be a directory that vitaccel gen-rtl wrote")
    found = [folder / NETWORK] if (folder / NETWORK).is_file() else sorted(folder.glob("*.sv"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise VitaccelError(f"{folder} must have one design, a .sv file that vitaccel gen-rtl wrote, not {names}")
    (path,) = found
    try:
        text = path.read_text(encoding="utf-8")
        return Verilog(name=path.stem, text=text, ports=ports_of(text, path.stem))
    except ValueError as error:
        raise VitaccelError(f"{path} must be what vitaccel gen-rtl wrote: {error}") from error


def check_board(board: str, target: str | None) -> str:
    """Return the device of a board.

    Raises
    ------
    VitaccelError
        If there is no such board, or it has another device.
    """
    if board not in BOARDS:
        raise VitaccelError(f"--board must be one of {', '.join(BOARDS)}, not {board!r}{did_you_mean(board, BOARDS)}")
    if target not in (None, BOARDS[board]):
        raise VitaccelError(f"--target of board {board} must be {BOARDS[board]}, not {target!r}")
    return BOARDS[board]


def board_subject(folder: Path, board: str, frequency_mhz: float | None) -> Subject:
    """Return the system of a board around the accelerator in a directory.

    Raises
    ------
    VitaccelError
        If it is no network's, or the board's memory or clock cannot be what is asked for.
    """
    from vitaccel_rtl.board import ulx3s
    from vitaccel_rtl.verilog import VerilogError

    check_board(board, None)
    if not (folder / NETWORK).is_file() or not (folder / MEMORY_MAP).is_file():
        raise VitaccelError(f"{folder} must have a network for a board: vitaccel gen-rtl MODEL.onnx writes one")
    frequency = frequency_mhz or BOARD_MHZ
    _check_clock(frequency, board, ulx3s.REFERENCE_MHZ)
    memory = -(-_memory_bytes(folder / MEMORY_MAP) // MEMORY_STEP) * MEMORY_STEP
    accelerator = design_in(folder)
    _check_ports(accelerator, folder / NETWORK)
    try:
        design, pll = ulx3s.ulx3s(accelerator, memory_bytes=memory, frequency_mhz=frequency)
    except ValueError as error:
        raise VitaccelError(f"{folder} must have a network that fits board {board}: {error}") from error
    except VerilogError as error:
        *_, last = str(error).splitlines()  # of a traceback, what it is about
        raise VitaccelError(f"Amaranth's Yosys must write the system of board {board}, but says: {last}") from error
    from vitaccel_rtl.synthesis.implement import Pins

    pins = Pins(package=ulx3s.PACKAGE, constraints=ulx3s.constraints(pll))
    return Subject(design=design, pins=pins, clock_mhz=pll.frequency_mhz)


def _check_clock(frequency_mhz: float, board: str, reference_mhz: float) -> None:
    from vitaccel_rtl.board.pll import pll_for

    try:
        pll_for(frequency_mhz, reference_mhz=reference_mhz)
    except ValueError as error:
        raise VitaccelError(
            f"--frequency must be a clock that the PLL of board {board} makes of {reference_mhz:g} MHz, not "
            f"{frequency_mhz:g} MHz"
        ) from error


def _check_ports(accelerator: Verilog, path: Path) -> None:
    """Refuse a design that the system cannot connect, which it does by the names of ports."""
    from vitaccel_rtl.accelerator.control import PORT
    from vitaccel_rtl.axi import Geometry, read_ports, write_ports
    from vitaccel_rtl.axi_lite import AxiLiteSignature, flat_members
    from vitaccel_rtl.registers import PREFIX

    geometry = Geometry(data_bits=32, word_bytes=4)  # of no account: only names are compared
    masters = [*read_ports(geometry), *write_ports(geometry)]
    programs = [name.replace("m_axi", PORT) for name in read_ports(geometry)]
    registers = flat_members(AxiLiteSignature(address_bits=8), PREFIX)
    wrong = {"clk", "rst", "interrupt", *masters, *programs, *registers} ^ {port.name for port in accelerator.ports}
    if wrong:
        shown = ", ".join([*sorted(wrong)[:SHOWN_PORTS], *(["..."] if len(wrong) > SHOWN_PORTS else [])])
        raise VitaccelError(f"{path} must have the ports of an accelerator, which differ from its own in {shown}")


def _memory_bytes(path: Path) -> int:
    """Return what a memory map says that the memory must have."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise VitaccelError(f"{path} must be JSON that vitaccel gen-rtl wrote: {error}") from error
    needed = record.get("memory_bytes") if isinstance(record, dict) else None
    if not isinstance(needed, int) or isinstance(needed, bool) or needed < 1:
        raise VitaccelError(f"memory_bytes of {path} must be a positive integer, not {needed!r}")
    return needed

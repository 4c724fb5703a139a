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

    check_board(board, None)
    path = folder / MEMORY_MAP
    if not (folder / NETWORK).is_file() or not path.is_file():
        raise VitaccelError(f"{folder} must have a network for a board: vitaccel gen-rtl MODEL.onnx writes one")
    try:
        needed = int(json.loads(path.read_text(encoding="utf-8"))["memory_bytes"])
        memory = -(-needed // MEMORY_STEP) * MEMORY_STEP
        design, pll = ulx3s.ulx3s(design_in(folder), memory_bytes=memory, frequency_mhz=frequency_mhz or BOARD_MHZ)
    except (KeyError, TypeError, ValueError) as error:
        raise VitaccelError(f"{folder} must have a network that fits board {board}: {error}") from error
    from vitaccel_rtl.synthesis.implement import Pins

    pins = Pins(package=ulx3s.PACKAGE, constraints=ulx3s.constraints(pll))
    return Subject(design=design, pins=pins, clock_mhz=pll.frequency_mhz)

"""A folder that ``vitaccel gen-rtl`` wrote for a network, read again for verification."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vitaccel.arch import Arch
from vitaccel.arch.load import from_mapping
from vitaccel.backends.rtl.memory_map import MemoryMap
from vitaccel.errors import VitaccelError
from vitaccel_rtl.accelerator.isa import MAGIC, VERSION, WORD_BITS
from vitaccel_rtl.ports import Port, ports_of
from vitaccel_rtl.register_map import from_json
from vitaccel_rtl.verilog import Verilog
from vitaccel_sim.accelerator.verify import Hardware

TOP = "vitaccel"
VERILOG = f"{TOP}.sv"
PROGRAM, WEIGHTS = "program.bin", "weights.bin"
MEMORY_MAP, REGISTERS = "memory_map.json", "registers.json"
GOLDEN = "golden.npz"
MODEL = "model.onnx"
MACHINE = "machine.json"
HLS_MACHINE = "machine.hpp"

LARGE_MACS = 50_000_000
"""Useful MACs of a network from which on the C++ compiler's best is worth its time."""


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """What is in the folder.

    Parameters
    ----------
    hardware
        The accelerator with its network.
    arch
        The machine.
    model
        The quantized model, as an ONNX file.
    golden
        Arrays of the golden vectors.
    """

    hardware: Hardware
    arch: Arch
    model: Path
    golden: dict[str, np.ndarray]


def read_delivery(folder: Path) -> Delivered:
    """Read a folder.

    Raises
    ------
    VitaccelError
        If a file is missing, or is not what its name says.
    """
    if not folder.is_dir():
        raise VitaccelError(f"{folder} must be a directory that vitaccel gen-rtl wrote")
    if not (folder / VERILOG).exists() and (folder / HLS_MACHINE).exists():
        raise VitaccelError(
            f"{folder} must be a directory that vitaccel gen-rtl wrote, not gen-hls: make -C {folder} runs it"
        )
    text = _text(folder, VERILOG)
    memory = MemoryMap.from_json(_text(folder, MEMORY_MAP))
    try:
        registers = from_json(_text(folder, REGISTERS))
    except ValueError as error:
        raise VitaccelError(f"{REGISTERS} must be a register map, and is not: {error}") from error
    hardware = Hardware(
        verilog=Verilog(name=TOP, text=text, ports=_ports(text)),
        registers=registers,
        memory=memory,
        program=_program(folder, memory.program_bytes),
        weights=_sized(folder, WEIGHTS, memory.weights_bytes),
        optimize="-O3" if memory.macs >= LARGE_MACS else "-O1",
    )
    return Delivered(
        hardware=hardware,
        arch=_machine(_text(folder, MACHINE)),
        model=_there(folder, MODEL),
        golden=_arrays(folder),
    )


def _ports(text: str) -> tuple[Port, ...]:
    try:
        return ports_of(text, TOP)
    except ValueError:
        raise VitaccelError(f"{VERILOG} must have a module {TOP}, and has none") from None


def _there(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise VitaccelError(f"{folder} must have the file {name}: vitaccel gen-rtl MODEL.onnx writes it")
    return path


def _text(folder: Path, name: str) -> str:
    try:
        return _there(folder, name).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise VitaccelError(f"{name} must be a text: {error}") from error


def _program(folder: Path, size: int) -> bytes:
    """A program, if it is of today's instruction set: of another one, the predictions would be another machine's.

    What is no program at all is the accelerator's to refuse.
    """
    content = _sized(folder, PROGRAM, size)
    words = (content[at : at + WORD_BITS // 8] for at in range(0, 2 * WORD_BITS // 8, WORD_BITS // 8))
    magic, version = (int.from_bytes(word, "little") for word in words)
    if magic == MAGIC and version != VERSION:
        raise VitaccelError(
            f"{PROGRAM} must be of version {VERSION} of the instruction set, not {version}: "
            "vitaccel gen-rtl MODEL.onnx writes the folder anew"
        )
    return content


def _sized(folder: Path, name: str, size: int) -> bytes:
    content = _there(folder, name).read_bytes()
    if len(content) != size:
        raise VitaccelError(f"{name} must have the {size} bytes that {MEMORY_MAP} says, not {len(content)}")
    return content


def _machine(text: str) -> Arch:
    try:
        return from_mapping(json.loads(text), MACHINE)
    except ValueError as error:
        raise VitaccelError(f"{MACHINE} must be JSON: {error}") from error


def _arrays(folder: Path) -> dict[str, np.ndarray]:
    content = io.BytesIO(_there(folder, GOLDEN).read_bytes())
    try:
        with np.load(content, allow_pickle=False) as found:
            return dict(found)
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise VitaccelError(f"{GOLDEN} must be an archive of arrays: {error}") from error

"""Registers of an ECP5 netlist move into its multipliers and block RAMs, as a vendor's synthesis moves them.

A MULT18X18D has registers at its inputs and at its output, a block RAM has some at its outputs, and Yosys leaves them
unused: an operand travels from a register to the multiplier, through it for 3.9 ns and on to another register, and a
word leaves a block RAM 5 ns after the clock. The logic stays the same: a register behind an output moves if it is all
that reads its bit, one before an input is doubled where something else reads it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MULTIPLIER = "MULT18X18D"
REGISTER = "TRELLIS_FF"
OPERANDS = ("A", "B")
OPERAND_BITS = 18
PRODUCT_BITS = 36
CONTROLS = {"CLK": "CLK0", "CE": "CE0", "RST": "RST0"}
"""Ports of a multiplier that its registers use here."""


@dataclass(frozen=True, kw_only=True)
class _ReadPort:
    """Names of a block RAM's read port: data, bits of it, clock, enable of the output register, its setting."""

    data: str
    width: int
    clock: str
    enable: str
    setting: str


READ_PORTS = {
    "DP16KD": [
        _ReadPort(data=f"DO{port}", width=18, clock=f"CLK{port}", enable=f"OCE{port}", setting=f"REGMODE_{port}")
        for port in "AB"
    ],
    "PDPW16KD": [_ReadPort(data="DO", width=36, clock="CLKR", enable="OCER", setting="REGMODE")],
}


@dataclass
class _Nets:
    """Who drives and who reads each bit: names of cell and port, no cell for a port of the design."""

    drivers: dict[int, tuple[str, str]] = field(default_factory=dict)
    readers: dict[int, list[tuple[str, str]]] = field(default_factory=dict)


def move_registers(module: dict[str, Any]) -> int:
    """Change a module of a netlist that Yosys wrote as JSON; return the number of registers that it has less.

    Parameters
    ----------
    module
        Flat, of cells of ECP5.
    """
    cells, before = module["cells"], len(module["cells"])
    multipliers = [cell for cell in cells.values() if cell["type"] == MULTIPLIER]
    rams = [cell for cell in cells.values() if cell["type"] in READ_PORTS]
    nets = _nets_of(module)
    for multiplier in multipliers:
        _take_product(cells, nets, multiplier)
    for ram in rams:
        for port in READ_PORTS[ram["type"]]:
            _take_read(cells, nets, ram, port)
    # A register that was behind an output is gone now, so it is not taken as an operand's of the next multiplier.
    nets = _nets_of(module)
    for multiplier in multipliers:
        for operand in OPERANDS:
            _take_operand(cells, nets, multiplier, operand)
    _drop_unread(module)
    return before - len(cells)


def _nets_of(module: dict[str, Any]) -> _Nets:
    nets = _Nets()
    for name, port in module["ports"].items():
        for bit in _wires(port["bits"]):
            if port["direction"] == "input":
                nets.drivers[bit] = ("", name)
            else:
                nets.readers.setdefault(bit, []).append(("", name))
    for name, cell in module["cells"].items():
        for port, bits in cell["connections"].items():
            for bit in _wires(bits):
                if cell["port_directions"][port] == "output":
                    nets.drivers[bit] = (name, port)
                else:
                    nets.readers.setdefault(bit, []).append((name, port))
    return nets


def _wires(bits: list[int | str]) -> Iterator[int]:
    """Bits that are not constant."""
    return (bit for bit in bits if isinstance(bit, int))


def _bits(cell: dict[str, Any], port: str, width: int) -> Iterator[tuple[str, int]]:
    """Bits of a port that are not constant, with the name of each."""
    for name in (f"{port}{place}" for place in range(width)):
        for bit in _wires(cell["connections"].get(name, [])):
            yield name, bit


def _take_product(cells: dict[str, Any], nets: _Nets, multiplier: dict[str, Any]) -> None:
    found = _registers_behind(cells, nets, multiplier, "P", PRODUCT_BITS)
    if _use(cells, multiplier, found, "REG_OUTPUT"):
        _bypass(cells, multiplier, found)


def _take_read(cells: dict[str, Any], nets: _Nets, ram: dict[str, Any], port: _ReadPort) -> None:
    found = _registers_behind(cells, nets, ram, port.data, port.width)
    controls = {_control(cells[name]) for name in found.values()}
    if len(controls) != 1:
        return
    clock, enable = controls.pop()
    if [clock] != ram["connections"][port.clock]:
        return
    ram["connections"][port.enable] = [enable]
    ram["parameters"][port.setting] = "OUTREG"
    _bypass(cells, ram, found)


def _registers_behind(
    cells: dict[str, Any], nets: _Nets, cell: dict[str, Any], port: str, width: int
) -> dict[str, str]:
    """Return the register behind each bit of an output that is read; nothing if a bit has other readers."""
    found = {}
    for name, bit in _bits(cell, port, width):
        readers = nets.readers.get(bit, [])
        if not readers:
            continue
        (reader, pin), *others = readers
        if others or pin not in ("DI", "M") or not _is_plain(cells.get(reader)):
            return {}
        found[name] = reader
    return found


def _bypass(cells: dict[str, Any], cell: dict[str, Any], registers: dict[str, str]) -> None:
    """Let outputs drive what their registers drove."""
    for port, name in registers.items():
        cell["connections"][port] = cells.pop(name)["connections"]["Q"]


def _take_operand(cells: dict[str, Any], nets: _Nets, multiplier: dict[str, Any], operand: str) -> None:
    """Double the register before each bit of an operand that is not constant, if all are alike."""
    found = {}
    for port, bit in _bits(multiplier, operand, OPERAND_BITS):
        name, _ = nets.drivers[bit]
        if not _is_plain(cells.get(name)):
            return
        found[port] = name
    if _use(cells, multiplier, found, f"REG_INPUT{operand}"):
        for port, name in found.items():
            multiplier["connections"][port] = [_arriving(cells[name])]


def _use(cells: dict[str, Any], multiplier: dict[str, Any], registers: dict[str, str], kind: str) -> bool:
    """Set a multiplier's registers of a kind to the control of these, if that is one, and the multiplier's own."""
    controls = {_control(cells[name]) for name in registers.values()}
    pins = multiplier["connections"]
    if "CLK0" in pins:
        controls.add((pins["CLK0"][0], pins["CE0"][0]))
    if not registers or len(controls) > 1:
        return False
    for port, bit in zip(CONTROLS.values(), (*controls.pop(), "0"), strict=True):
        pins[port] = [bit]
        multiplier["port_directions"][port] = "input"
    for role, port in CONTROLS.items():
        multiplier["parameters"][f"{kind}_{role}"] = port
    return True


def _is_plain(cell: dict[str, Any] | None) -> bool:
    """Whether it is a register of a rising edge, without reset, which loads while an enable is high or always."""
    if cell is None or cell["type"] != REGISTER:
        return False
    settings = cell["parameters"]
    has_reset = any(bit != "0" for bit in cell["connections"].get("LSR", []))
    return settings.get("CLKMUX", "CLK") == "CLK" and _enable(cell) in ("CE", "1") and not has_reset


def _enable(register: dict[str, Any]) -> str:
    """Where its enable comes from; Yosys puts a blank behind a string that looks like bits."""
    return register["parameters"].get("CEMUX", "1").strip()


def _control(register: dict[str, Any]) -> tuple[int, int | str]:
    """Clock and enable."""
    pins = register["connections"]
    return pins["CLK"][0], pins["CE"][0] if _enable(register) == "CE" else "1"


def _arriving(register: dict[str, Any]) -> int | str:
    """What it loads: through its LUT's place, or beside it."""
    return next(register["connections"][pin][0] for pin in ("DI", "M") if pin in register["connections"])


def _drop_unread(module: dict[str, Any]) -> None:
    """Remove registers that nothing reads any more."""
    while True:
        read = _nets_of(module).readers
        unread = [
            name
            for name, cell in module["cells"].items()
            if cell["type"] == REGISTER and not any(bit in read for bit in _wires(cell["connections"]["Q"]))
        ]
        for name in unread:
            del module["cells"][name]
        if not unread:
            return

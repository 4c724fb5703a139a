"""Console examples of a document: the commands a reader would type, and the lines said to come out."""

from __future__ import annotations

import io
import re
import shlex
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

ELISION = "..."
"""A shown line that stands for any number of printed ones."""

FAILURE = re.compile(r"(?:error|warning): ")
"""How a shown line begins that goes with an exit code other than 0."""


@dataclass(frozen=True)
class Example:
    """One command.

    Parameters
    ----------
    words
        The command line.
    shown
        The lines below it, as the document has them.
    """

    words: list[str]
    shown: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """2 when an error is shown, 1 when a warning that a device is too small is, else 0."""
        kinds = {found.group() for line in self.shown if (found := FAILURE.match(line))}
        return 2 if "error: " in kinds else 1 if kinds else 0


def console_blocks(text: str) -> list[str]:
    """The contents of the ``console`` blocks of a Markdown text."""
    return re.findall(r"```console\n(.*?)```", text, re.DOTALL)


def console_commands(text: str) -> list[list[str]]:
    """The commands in the ``console`` blocks of a Markdown text, as words."""
    return [example.words for example in console_examples(text)]


def console_examples(text: str) -> list[Example]:
    """The commands in the ``console`` blocks of a Markdown text, each with the lines below it."""
    found: list[Example] = []
    for block in console_blocks(text):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Example(shlex.split(line[2:]), ()))
            else:
                found[-1] = Example(found[-1].words, (*found[-1].shown, line.rstrip()))
    return found


def written_files(text: str) -> dict[str, str]:
    """The files that a Markdown text shows in blocks such as ```` ```toml machine.toml ````, by name."""
    return dict(re.findall(r"```\w+ (\S+)\n(.*?)```", text, re.DOTALL))


def run_here(words: list[str], folder: Path) -> tuple[int, str]:
    """Run a ``vitaccel`` command in this process, which has PyTorch already; return its exit code and its output."""
    from vitaccel.cli import main

    assert words[0] == "vitaccel"
    out, err = io.StringIO(), io.StringIO()
    with chdir(folder), redirect_stdout(out), redirect_stderr(err):
        code = main(words[1:])
    return code, out.getvalue() + err.getvalue()


def is_printed(shown: tuple[str, ...], printed: list[str]) -> bool:
    """Whether the shown lines are printed, one after another except where one is :data:`ELISION`."""
    at = 0
    runs: list[list[str]] = [[]]
    for line in shown:
        if line == ELISION:
            runs.append([])
        else:
            runs[-1].append(line)
    for lines in runs:
        places = range(at, len(printed) - len(lines) + 1)
        start = next((p for p in places if printed[p : p + len(lines)] == lines), None)
        if start is None:
            return False
        at = start + len(lines)
    return True


def check_examples(text: str, folder: Path) -> None:
    """Write the files and run the commands of a Markdown text in order; each must end and print as shown."""
    for name, content in written_files(text).items():
        (folder / name).write_text(content, encoding="utf-8")
    for example in console_examples(text):
        code, output = run_here(example.words, folder)
        typed = " ".join(example.words)
        assert code == example.exit_code, f"{typed}\n{output}"
        printed = [line.rstrip() for line in output.splitlines()]
        assert is_printed(example.shown, printed), f"{typed}\nmust print as shown, but prints\n{output}"

"""``--json [FILE.json]``: a flag that may be followed by a file, never taking a model for one or one for a model."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from vitaccel.cli.files import write_text
from vitaccel.errors import VitaccelError
from vitaccel.report.json_record import to_json

STANDARD_OUTPUT = "-"

DEVICES = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
"""Other names of standard output."""

F = TypeVar("F", bound=Callable[..., Any])


class JsonCommand(click.Command):
    """A command with ``--json``: what follows is its file only if it ends in ``.json`` or is standard output."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_explicit_value(args, reads=self._reads()))

    def _reads(self) -> str:
        """Return what the command reads as its usage calls it: ``MODEL.onnx``, ``DIR``; empty if it reads nothing."""
        named = [each.human_readable_name for each in self.params if isinstance(each, click.Argument)]
        return named[0].strip("[]") if named else ""


def with_explicit_value(arguments: list[str], *, reads: str = "MODEL.onnx") -> list[str]:
    """Return the arguments with every ``--json`` written as ``--json=VALUE``.

    Parameters
    ----------
    arguments
        Of the command.
    reads
        What the command reads, which may stand behind ``--json``: ``MODEL.onnx``, ``DIR``, or nothing.

    Raises
    ------
    VitaccelError
        If what follows looks like a file that is neither JSON nor what the command reads: it would be read as that.
    """
    rewritten: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            return [*rewritten, argument, *rest]
        if argument == "--json":
            argument = f"--json={rest.pop(0) if rest and _is_output(rest[0], reads) else STANDARD_OUTPUT}"
        if argument.startswith("--json=") and argument.removeprefix("--json=") in DEVICES:
            argument = f"--json={STANDARD_OUTPUT}"
        rewritten.append(argument)
    return rewritten


def _is_output(word: str, reads: str) -> bool:
    """Whether the word behind ``--json`` is its file, and not what the command reads or the next option."""
    if word.endswith(".json") or word in (STANDARD_OUTPUT, *DEVICES, os.devnull):
        return True
    if not word.startswith("-") and Path(word).suffix not in ("", ".onnx", Path(reads).suffix):
        others = f" or by {reads}" if reads else ""
        raise VitaccelError(
            f"--json must be followed by a .json file{others}, not {word!r}; --json={word} writes to a file of any name"
        )
    return False


def json_option(function: F) -> F:
    """Add ``--json``; the command gets ``json_path``: ``None``, ``-`` or a file."""
    return click.option(
        "--json", "json_path", metavar="[FILE.json]",
        help="Print one JSON object and nothing else, or write it to FILE.json; docs/json.md describes it.",
    )(function)  # fmt: skip


def json_files(json_path: str | None) -> list[Path]:
    """Return the file ``--json`` names, if any."""
    return [Path(json_path)] if json_path not in (None, STANDARD_OUTPUT) else []


def put_json(record: object, json_path: str) -> None:
    """Print a record, or write it to the file ``--json`` names.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    if json_path == STANDARD_OUTPUT:
        click.echo(to_json(record), nl=False)
    else:
        write_text(Path(json_path), to_json(record))

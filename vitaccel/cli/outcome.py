"""How a command ends: an exit code, and for a failure one sentence on standard error instead of a traceback."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from vitaccel.cli import ToldToEnd, interrupt_in, interrupted
from vitaccel.cli.terminated import quiet_interrupt
from vitaccel.errors import EXIT_BAD_INPUT, VitaccelError

EXIT_DEFECT = 70
"""Exit code of a defect of vitaccel (``EX_SOFTWARE``)."""

EXIT_BROKEN_PIPE = 141
"""Exit code when the reader of the output went away: 128 + SIGPIPE."""

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Session:
    """What the options that every command has have said so far."""

    debug: bool = False


def debug_option(function: F) -> F:
    """Add ``--debug``, which may stand before or after the command."""

    def remember(context: click.Context, _: click.Parameter, value: bool) -> None:
        session = context.find_object(Session)
        if value and session is not None:
            session.debug = True

    return click.option(
        "--debug", is_flag=True, expose_value=False, is_eager=True, callback=remember, help="Show tracebacks."
    )(function)


def finish(command: click.Command, arguments: Sequence[str] | None, session: Session) -> int:
    """Run *command* on *arguments* and return the exit code; nothing is raised."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    _open_closed_streams()
    try:
        with quiet_interrupt(), command.make_context("vitaccel", given, obj=session) as context:
            command.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return _flushed(stop.exit_code)
    except (KeyboardInterrupt, ToldToEnd, click.Abort) as end:
        return interrupted(end)
    except BrokenPipeError:
        return _reader_gone()
    except Exception as error:
        if (cause := interrupt_in(error)) is not None:
            return interrupted(cause)
        if session.debug:
            traceback.print_exc()
        sentence, code = explain(error)
        click.echo(f"error: {sentence}", err=True)
        return code
    return 0


def explain(error: Exception) -> tuple[str, int]:
    """Return one line for a person, and the exit code."""
    if isinstance(error, VitaccelError):
        return _one_line(str(error)), error.exit_code
    if isinstance(error, click.ClickException):
        return _our_style(_one_line(error.format_message())), EXIT_BAD_INPUT
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{_our_style(error.strerror)}{where}", EXIT_BAD_INPUT
    if isinstance(error, MemoryError):
        return "there must be more memory for a model of this size", EXIT_BAD_INPUT
    said = _one_line(str(error))
    kind = type(error).__name__
    return f"unexpected {kind}{': ' + said if said else ''}; this is a defect of vitaccel, please rerun with --debug", (
        EXIT_DEFECT
    )


def _open_closed_streams() -> None:
    """Give a process that was started without standard output or error (``>&-``) one that nobody reads."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _our_style(text: str) -> str:
    """Return a sentence of click or of the system as ours are: small after ``error:``, without a period."""
    return f"{text[:1].lower()}{text[1:]}".removesuffix(".")


def _flushed(code: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_gone()
    return code


def _reader_gone() -> int:
    # The interpreter flushes standard output once more when it ends, and would complain then.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_BROKEN_PIPE

"""What goes to the screen: rich tables on a terminal, plain text in a pipe, progress on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import click

from vitaccel.report.table import Table, for_terminal, plain

Progress = Callable[[str], None]
"""Called with the name of each step before it begins."""


def show(tables: Iterable[Table]) -> None:
    """Print tables with an empty line between them."""
    if not sys.stdout.isatty():
        click.echo("\n".join(plain(table) for table in tables), nl=False)
        return
    from rich.console import Console

    console = Console(highlight=False)
    for at, table in enumerate(tables):
        if at:
            console.print()
        console.print(for_terminal(table, console.width))


def note(text: str) -> None:
    """Print a line beside the output, on standard error."""
    click.echo(text, err=True)


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show *title* and the step under way while the block runs, if standard error is a terminal; then wipe it away."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(title)) as status:
        yield lambda step: status.update(Text(f"{title}: {step}"))

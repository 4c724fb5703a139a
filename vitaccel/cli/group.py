"""The command ``vitaccel`` itself: a group of the commands."""

from __future__ import annotations

import click

from vitaccel import __version__
from vitaccel.cli import COMMANDS
from vitaccel.cli.commands import LazyGroup
from vitaccel.cli.outcome import debug_option


@click.group(cls=LazyGroup, commands_at=COMMANDS, invoke_without_command=True)
@click.version_option(__version__, prog_name="vitaccel", message="%(prog)s %(version)s")
@debug_option
@click.pass_context
def vitaccel(context: click.Context) -> None:
    """Hardware co-design simulator for vision transformers: ONNX in; cycles, bandwidth and energy out."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())

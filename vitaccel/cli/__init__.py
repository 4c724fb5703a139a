"""The command line: each command parses, makes one call and prints; nothing is decided here.

Commands are imported when they are asked for: ``vitaccel --help`` and ``vitaccel simulate`` never import PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from vitaccel import __version__
from vitaccel.cli.commands import LazyGroup
from vitaccel.cli.outcome import Session, debug_option, finish

COMMANDS = {
    "simulate": ("vitaccel.cli.simulate:simulate", "Predict cycles, traffic and energy of an ONNX model."),
    "export": ("vitaccel.cli.export:export", "Write a model of the zoo as ONNX."),
    "inspect": ("vitaccel.cli.inspect:inspect", "Show the Graph of an ONNX model, and what each node became."),
    "numerics": ("vitaccel.cli.numerics:numerics", "Measure our integer approximations beside the published ones."),
    "run": ("vitaccel.cli.run:run", "Run an ONNX model on arrays."),
}
"""Where each command is, and its line in ``vitaccel --help``."""


@click.group(cls=LazyGroup, commands_at=COMMANDS, invoke_without_command=True)
@click.version_option(__version__, prog_name="vitaccel", message="%(prog)s %(version)s")
@debug_option
@click.pass_context
def vitaccel(context: click.Context) -> None:
    """Hardware co-design simulator for vision transformers: ONNX in; cycles, bandwidth and energy out."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments
        What follows ``vitaccel`` on the command line; that command line itself when left out.

    Returns
    -------
    int
        0 fine, 1 the answer is no, 2 bad input, 70 a defect of vitaccel, 130 interrupted, 141 the reader went away.
    """
    return finish(vitaccel, arguments, Session())

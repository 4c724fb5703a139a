"""A group of commands that imports a command when it is asked for, and suggests the nearest name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from vitaccel.errors import did_you_mean


class LazyGroup(click.Group):
    """A click group over modules.

    Parameters
    ----------
    commands_at
        For each command, ``module:object`` and its short help.
    """

    def __init__(self, *args: Any, commands_at: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._commands_at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._commands_at:
            return None
        module, _, attribute = self._commands_at[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self._commands_at and not name.startswith("-"):
            known = self.list_commands(ctx)
            raise click.UsageError(
                f"command must be one of {', '.join(known)}, not {name!r}{did_you_mean(name, known)}", ctx
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self._commands_at.items()])

"""``vitaccel doctor``: which tools are there, which version, and what is missing."""

from __future__ import annotations

from typing import Any

import click

from vitaccel.cli.files import check_outputs
from vitaccel.cli.json_option import STANDARD_OUTPUT, JsonCommand, json_files, json_option, put_json
from vitaccel.cli.outcome import debug_option
from vitaccel.doctor import Tool, examine
from vitaccel.errors import EXIT_NO
from vitaccel.report.json_record import SCHEMA_VERSION


@click.command(cls=JsonCommand)
@json_option
@debug_option
@click.pass_context
def doctor(context: click.Context, json_path: str | None) -> None:
    """Show which tools are installed; the exit code is 1 if one is missing that something needs."""
    check_outputs(json_files(json_path))
    tools = examine()
    if json_path is not None:
        put_json(doctor_record(tools), json_path)
    if json_path != STANDARD_OUTPUT:
        for tool in tools:
            click.echo(_line(tool))
    if any(tool.is_missing for tool in tools):
        context.exit(EXIT_NO)


def doctor_record(tools: tuple[Tool, ...]) -> dict[str, Any]:
    """Return what was found as JSON types."""
    return {
        "schema_version": SCHEMA_VERSION,
        "complete": not any(tool.is_missing for tool in tools),
        "tools": [
            {
                "name": tool.name,
                "version": tool.version,
                "optional": tool.optional,
                "purpose": tool.purpose,
                "install": tool.install,
            }
            for tool in tools
        ],
    }


def _line(tool: Tool) -> str:
    if tool.version is not None:
        return f"{tool.name:14}{tool.version:24}{tool.purpose}"
    state = "not there (optional)" if tool.optional else "MISSING"
    return f"{tool.name:14}{state:24}{tool.purpose}: {tool.install}"

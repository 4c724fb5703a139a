"""``vitaccel disasm``: a program of the accelerator in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from vitaccel.backends.rtl.disassembly import disassembly, waits_of
from vitaccel.backends.rtl.program_file import Coded, ProgramFile, decode_program
from vitaccel.cli.files import check_outputs
from vitaccel.cli.json_option import STANDARD_OUTPUT, JsonCommand, json_files, json_option, put_json
from vitaccel.cli.outcome import debug_option
from vitaccel.errors import VitaccelError
from vitaccel.report.json_record import SCHEMA_VERSION
from vitaccel_rtl.accelerator.isa import COMMON_PLACES, OPERATIONS, VERSION


@click.command(cls=JsonCommand)
@click.argument("program", metavar="PROGRAM.bin", type=click.Path(path_type=Path))
@json_option
@debug_option
def disasm(program: Path, json_path: str | None) -> None:
    """Show the instructions of a program of the accelerator, PROGRAM.bin."""
    check_outputs(json_files(json_path), inputs=[program])
    decoded = decode_program(_content(program), str(program))
    if json_path is not None:
        put_json(program_record(decoded), json_path)
    if json_path != STANDARD_OUTPUT:
        click.echo(disassembly(decoded), nl=False)


def program_record(program: ProgramFile) -> dict[str, Any]:
    """Return a program as JSON types."""
    return {
        "schema_version": SCHEMA_VERSION,
        "isa_version": VERSION,
        "machine": dict(program.machine),
        "instructions": [_instruction_record(coded) for coded in program.instructions],
    }


def _instruction_record(coded: Coded) -> dict[str, Any]:
    common = {field.name for field, _, _ in COMMON_PLACES}
    return {
        "operation": coded.operation,
        "engine": OPERATIONS[coded.operation].engine,
        "waits": waits_of(coded),
        "expert": coded.fields.get("expert", 0) if "has_expert" in coded.fields else None,
        "fields": {name: value for name, value in coded.fields.items() if name not in common},
    }


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise VitaccelError(f"program {path} must be a readable file, but: {error.strerror or error}") from error

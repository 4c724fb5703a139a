"""``vitaccel simulate``: cycles, traffic and energy of a model on a machine, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from vitaccel.cli.files import check_outputs, write_files
from vitaccel.cli.input_shapes import input_shape_option, parse_input_shapes
from vitaccel.cli.json_option import STANDARD_OUTPUT, JsonCommand, json_files, json_option, put_json
from vitaccel.cli.machines import machine_options, machines, preset_records, preset_table, stated_keys
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.terminal import note, progress, show
from vitaccel.errors import EXIT_NO, VitaccelError, did_you_mean
from vitaccel.report.breakdown import SORTS

if TYPE_CHECKING:
    from vitaccel.backends.cost_model.result import Prediction


@dataclass(frozen=True)
class Outputs:
    """Where the results go; ``None`` where they do not."""

    json: str | None
    csv: Path | None
    html: Path | None
    trace: Path | None

    @property
    def files(self) -> list[Path]:
        """Every file that will be written."""
        return [*json_files(self.json), *(path for path in (self.csv, self.html, self.trace) if path is not None)]


@click.command(cls=JsonCommand)
@click.argument("models", metavar="MODEL.onnx", nargs=-1)
@machine_options
@input_shape_option
@click.option(
    "--routing",
    default="uniform",
    metavar="HOW",
    help="Routing of experts: uniform, worst, or a recorded trace in a .json file.",
)
@click.option("--sort", default="program", metavar="ORDER", help=f"Order of the layers: {', '.join(SORTS)}.")
@click.option("--top", type=click.IntRange(min=0), metavar="N", help="Show N layers and the rest in one row.")
@json_option
@click.option("--csv", type=click.Path(path_type=Path), metavar="FILE", help="Write the layers as CSV.")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a report with figures.")
@click.option("--trace", type=click.Path(path_type=Path), metavar="FILE", help="Write a timeline for ui.perfetto.dev.")
@click.option("--compare", multiple=True, metavar="OTHER.onnx", help="Another model, side by side; may be repeated.")
@click.option("--print-after", multiple=True, metavar="PASS", help="Print what a pass of the compiler made.")
@click.option("--list-presets", is_flag=True, help="List the machines that ship with vitaccel.")
@debug_option
def simulate(models: tuple[str, ...], list_presets: bool, sort: str, top: int | None, **flags: Any) -> None:
    """Predict what MODEL.onnx takes on an accelerator: cycles, DRAM traffic and energy, layer by layer."""
    outputs = Outputs(json=flags["json_path"], csv=flags["csv"], html=flags["html"], trace=flags["trace"])
    if list_presets:
        check_outputs(outputs.files)
        put_json(preset_records(), outputs.json) if outputs.json is not None else show([preset_table()])
        return
    paths = [Path(path) for path in (*models, *flags["compare"])]
    if not models:
        raise VitaccelError("a model must be given, as in vitaccel simulate model.onnx --pe 64")
    if sort not in SORTS:
        raise VitaccelError(f"--sort must be one of {', '.join(SORTS)}, not {sort!r}{did_you_mean(sort, SORTS)}")
    check_outputs(outputs.files, inputs=paths)
    if outputs.html is not None:
        from vitaccel.report.html import check_available

        check_available()
    predictions = _predict(paths, flags)
    _write(predictions, outputs, sort)
    if outputs.json != STANDARD_OUTPUT:
        _print(predictions, sort, top)
    _warn(predictions)
    if any(prediction.exceeded for prediction in predictions):
        click.get_current_context().exit(EXIT_NO)


def _predict(paths: list[Path], flags: dict[str, Any]) -> list[Prediction]:
    archs = machines(pe=flags["pe"], preset=flags["preset"], arch_file=flags["arch_file"], settings=flags["settings"])
    said = stated_keys(flags["arch_file"], flags["settings"])
    shapes = parse_input_shapes(flags["shapes"])
    # Importing the compiler takes longer than finding a mistake in a flag.
    from vitaccel import compiler
    from vitaccel.frontend import import_model

    compiler.check_pass_names(flags["print_after"])
    predictions: list[Prediction] = []
    printed: list[str] = []
    for path in paths:
        with progress(f"{path.name}") as say:
            imported = import_model(path, input_shapes=shapes, progress=say)
        for arch in archs:
            with progress(f"{path.name} on {arch.array} PEs") as say:
                prediction = compiler.simulate(
                    imported,
                    arch,
                    routing=flags["routing"],
                    said=said,
                    print_after=flags["print_after"],
                    show=lambda name, text: printed.append(f"# after {name}\n{text}"),
                    progress=say,
                )
            # A file is known by its name; what the exporter called the graph is mostly "main".
            predictions.append(replace(prediction, model=path.stem))
    click.echo("\n".join(printed), nl=False, err=flags["json_path"] == STANDARD_OUTPUT)
    return predictions


def _write(predictions: list[Prediction], outputs: Outputs, sort: str) -> None:
    """Render everything, then write all the files: a failure leaves none."""
    texts: dict[Path, str] = {}
    if outputs.csv is not None:
        from vitaccel.report.layers_csv import layers_csv

        texts[outputs.csv] = layers_csv(predictions, sort=sort)
    if outputs.trace is not None:
        from vitaccel.report.trace import chrome_trace

        texts[outputs.trace] = chrome_trace(predictions)
    if outputs.html is not None:
        from vitaccel.report.html import html_report

        texts[outputs.html] = html_report(predictions)
    printed = ""
    if outputs.json is not None:
        from vitaccel.report.json_record import as_columns, as_record, to_json

        printed = to_json(as_record(predictions[0]) if len(predictions) == 1 else as_columns(predictions))
        texts |= dict.fromkeys(json_files(outputs.json), printed)
    write_files({path: text.encode() for path, text in texts.items()})
    for path in texts:
        note(f"wrote {path}")
    if outputs.json == STANDARD_OUTPUT:
        click.echo(printed, nl=False)


def _warn(predictions: list[Prediction]) -> None:
    from vitaccel.report.summary import clock_warning

    for prediction in predictions:
        named = f"{prediction.arch.name} {prediction.arch.array}"
        for sentence in prediction.exceeded:
            note(f"warning: {named} does not fit its device: {sentence}")
        if slower := clock_warning(prediction):
            note(f"warning: {named} is too fast for its device: {slower}")


def _print(predictions: list[Prediction], sort: str, top: int | None) -> None:
    if len(predictions) > 1:
        from vitaccel.report.compare import comparison_tables

        show(comparison_tables(predictions))
        return
    from vitaccel.report.text import tables

    show(tables(predictions[0], sort=sort, top=top))

"""``vitaccel quantize``: integers for a float model, chosen on calibration images; and what was chosen for a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from vitaccel.cli.files import check_outputs
from vitaccel.cli.input_shapes import input_shape_option, parse_input_shapes
from vitaccel.cli.json_option import STANDARD_OUTPUT, JsonCommand, json_files, json_option, put_json
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.terminal import note, progress
from vitaccel.errors import OutputError, QuantizationError, VitaccelError
from vitaccel.quantization.options import RANGES, ROUNDINGS, QuantizationOptions
from vitaccel.report.units import si

if TYPE_CHECKING:
    from vitaccel.quantization.stored import StoredChoices

F = TypeVar("F", bound=Callable[..., Any])

DEFAULTS = QuantizationOptions()

CHOICES = (
    click.option("--weight-bits", type=int, metavar="BITS", help=f"Of all weights: 8 or 4 [{DEFAULTS.weight_bits}]."),
    click.option(
        "--activation-range", metavar="HOW",
        help=f"Range of an 8-bit value: {', '.join(RANGES)} [{DEFAULTS.activation_range}].",
    ),
    click.option(
        "--percentile", type=float, metavar="PERCENT",
        help=f"Share of magnitudes in range, for --activation-range percentile [{DEFAULTS.percentile}].",
    ),
    click.option(
        "--headroom", type=float, metavar="FACTOR",
        help=f"Range of a 16-bit value over the largest seen [{DEFAULTS.headroom}].",
    ),
    click.option("--no-smoothing", "smoothing", flag_value=False, default=None, type=bool,
                 help="Leave variation between channels where it is."),
    click.option("--no-bias-correction", "bias_correction", flag_value=False, default=None, type=bool,
                 help="Leave the mean error of each layer where it is."),
    click.option(
        "--rounding", metavar="HOW",
        help=f"Of weights: {', '.join(ROUNDINGS)}; auto compensates 4 bits [{DEFAULTS.rounding}].",
    ),
    click.option("--damping", type=float, metavar="SHARE", help=f"Of compensated rounding [{DEFAULTS.damping}]."),
    click.option(
        "--correction-images", type=int, metavar="N",
        help=f"Images at most for bias correction and compensation [{DEFAULTS.correction_images}].",
    ),
)  # fmt: skip
"""The fields of :class:`QuantizationOptions`; what is not given is ``None``."""


def choice_options(function: F) -> F:
    """Add the options of the quantizer."""
    for option in reversed(CHOICES):
        function = option(function)
    return function


@click.command(cls=JsonCommand)
@click.argument("model", metavar="MODEL")
@click.option(
    "--calibration",
    metavar="FILE",
    help="Images as the model takes them, .npz or .npy; or digits; or random, seeded synthetic images.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE.onnx", help="The file to write.")
@choice_options
@click.option(
    "--logit-fraction-bits",
    type=int,
    metavar="BITS",
    help="Of the machine's base-2 attention logits: 6 or 8 [6].",
)
@click.option("--show", "show_choices", is_flag=True, help="Print every choice; without -o, those stored in MODEL.")
@json_option
@input_shape_option
@debug_option
def quantize(
    model: str, output: Path | None, *, show_choices: bool, json_path: str | None, shapes: tuple[str, ...], **flags: Any
) -> None:
    """Quantize MODEL: a .onnx file, or a model of the zoo by its name.

    The result is standard ONNX with QuantizeLinear and DequantizeLinear: vitaccel run executes it in integers,
    onnxruntime runs it too. It holds every choice that was made.
    """
    if output is not None:
        choices = _quantized(model, output, json_path, shapes, flags)
    elif show_choices:
        _check_only_shown(flags)
        check_outputs(json_files(json_path), inputs=[Path(model)])
        choices = stored_choices(Path(model))
    else:
        raise OutputError(f"an output file must be given, as in vitaccel quantize {model} -o model.int8.onnx; "
                          "--show alone prints the choices stored in a quantized file")  # fmt: skip
    if json_path is not None:
        put_json(choices.as_record(), json_path)
    if show_choices and json_path != STANDARD_OUTPUT:
        from vitaccel.quantization import format_record

        click.echo(_headline(choices))
        click.echo(format_record(choices.record), nl=False)


def stored_choices(path: Path) -> StoredChoices:
    """Read the choices that ``vitaccel quantize`` stored in a file.

    Raises
    ------
    QuantizationError
        If it holds none.
    ModelError
        If it is no ONNX file.
    """
    from vitaccel.frontend.load import load
    from vitaccel.ir.scales import QUANTIZATION_KEY
    from vitaccel.quantization.stored import read_stored

    properties = {entry.key: entry.value for entry in load(path).metadata_props}
    return read_stored(properties.get(QUANTIZATION_KEY, ""), str(path))


def _quantized(
    model: str, output: Path, json_path: str | None, shapes: tuple[str, ...], flags: dict[str, Any]
) -> StoredChoices:
    options = QuantizationOptions(**_given(flags))
    fraction_bits = 6 if flags["logit_fraction_bits"] is None else flags["logit_fraction_bits"]
    if output.suffix != ".onnx":
        raise OutputError(f"output file must end in .onnx, not {output.name!r}")
    calibration: str | None = flags["calibration"]
    inputs = [Path(text) for text in (model, calibration) if text is not None]
    check_outputs([output, *json_files(json_path)], inputs=inputs)
    from vitaccel.backends.onnx_qdq import save
    from vitaccel.compiler import quantize_model
    from vitaccel.evaluation.subject import load_subject
    from vitaccel.quantization.source import calibration_for

    with progress(f"quantizing {model}") as say:
        subject = load_subject(model, input_shapes=parse_input_shapes(shapes), progress=say)
        if subject.quantized:
            raise QuantizationError(f"{model} must be a float model to be quantized, and it has scales already")
        images = calibration_for(subject.graph, calibration, model=model, digits=subject.digits)
        done = quantize_model(subject.graph, images, options, logit_fraction_bits=fraction_bits, progress=say)
        say("write")
        save(done.graph, output, quantization=done.choices.to_json())
    note(f"{_headline(done.choices)}\nwrote {output} ({si(output.stat().st_size, 'B')})")
    return done.choices


def _given(flags: dict[str, Any]) -> dict[str, Any]:
    """What was said of the quantizer's options."""
    return {field.name: flags[field.name] for field in fields(QuantizationOptions) if flags[field.name] is not None}


def _check_only_shown(flags: dict[str, Any]) -> None:
    names = ["calibration", "logit_fraction_bits", *_given(flags)]
    for name in names:
        if flags[name] is not None:
            flag = f"--{'no-' if flags[name] is False else ''}{name.replace('_', '-')}"
            raise VitaccelError(f"{flag} must come with -o: --show alone prints what a file holds")


def _headline(choices: StoredChoices) -> str:
    record = choices.record
    images = f"{record.images} {'image' if record.images == 1 else 'images'}"
    source = {"file": "of a file", "digits": "of handwritten digits", "random": "of seeded noise"}[choices.calibration]
    return (
        f"{record.options.weight_bits}-bit weights, calibrated on {images} {source}; {len(record.values)} scales, "
        f"{len(record.weights)} weights, {len(record.smoothing)} smoothed, {len(record.biases)} biases corrected"
    )

"""``vitaccel evaluate``: what a model loses in integers, on a user's images, the digits, or seeded random inputs."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from vitaccel.cli.files import check_outputs, write_files
from vitaccel.cli.input_shapes import input_shape_option, parse_input_shapes
from vitaccel.cli.json_option import STANDARD_OUTPUT, JsonCommand, json_files, json_option
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.terminal import Progress, note, progress, show
from vitaccel.errors import OutputError, VitaccelError
from vitaccel.evaluation.softmax_modes import softmax_modes

if TYPE_CHECKING:
    from vitaccel.arch import Arch
    from vitaccel.evaluation.data import EvaluationData
    from vitaccel.evaluation.result import Evaluation
    from vitaccel.evaluation.subject import Subject
    from vitaccel.execution import IntegerModel

RANDOM_IMAGES = 8
"""Seeded random images to calibrate on; and to evaluate on, unless ``--images`` says otherwise."""

COMPILED_PE = "16x16"
"""Array of the machine in C++: integers do not depend on it, and processors take its words faster than at P = 8."""


@dataclass(frozen=True)
class Outputs:
    """Where the results go; ``None`` where they do not."""

    json: str | None
    csv: Path | None
    logits: Path | None

    @property
    def files(self) -> list[Path]:
        """Every file that will be written."""
        return [*json_files(self.json), *(path for path in (self.csv, self.logits) if path is not None)]


@click.command(cls=JsonCommand)
@click.argument("model", metavar="MODEL")
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="FILE.npz", help="Images to evaluate on: images (or the input's "
    "name), and labels for accuracy.",
)  # fmt: skip
@click.option(
    "--calibration", type=click.Path(path_type=Path), metavar="FILE", help="Images to quantize a float model with "
    "(.npz or .npy): others than those of --data.",
)  # fmt: skip
@click.option("--images", type=click.IntRange(min=1), metavar="N", help="Evaluate on the first N images only.")
@click.option("--seed", type=click.IntRange(min=0), metavar="S", help="Chooses random inputs (default: 0).")
@click.option("--weight-bits", type=int, metavar="BITS", help="Of the weights: 8 (the default) or 4.")
@click.option(
    "--softmax", metavar="MODE", help="Logit fraction bits and numerator bits: f6-u8 (the default), f6-u12, f6-u16, "
    "f8-u8, f8-u12, f8-u16; or all of them, side by side.",
)  # fmt: skip
@click.option(
    "--record-logits", type=click.Path(path_type=Path), metavar="FILE.npz", help="Write the float model's attention "
    "logits on the first images, for vitaccel numerics --logits.",
)  # fmt: skip
@click.option(
    "--compiled", is_flag=True, help="Compute with the accelerator in C++: the same integers, faster; needs g++."
)
@click.option("--losing", is_flag=True, help="Show only the layers that lose more than 3 dB.")
@json_option
@click.option("--csv", type=click.Path(path_type=Path), metavar="FILE", help="Write the layers as CSV.")
@input_shape_option
@debug_option
def evaluate(model: str, json_path: str | None, **flags: Any) -> None:
    """Compare MODEL in integers with MODEL in float: a .onnx file, or a model of the zoo by its name."""
    outputs = Outputs(json_path, flags["csv"], flags["record_logits"])
    inputs = [path for path in (Path(model), flags["data"], flags["calibration"]) if path is not None]
    check_outputs(outputs.files, inputs=inputs)
    if outputs.logits is not None and outputs.logits.suffix != ".npz":
        raise OutputError(f"file of logits must end in .npz, not {outputs.logits.name!r}")
    softmax_modes(flags["softmax"] or "all")
    try:
        from vitaccel.evaluation import evaluate as _needs_torch  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise VitaccelError("evaluate needs PyTorch: install it with pip install 'vitaccel[torch]'") from error
    with progress(f"evaluating {model}") as say:
        found, logits = _measure(model, flags, say)
    _write(found, logits, outputs)
    if outputs.json != STANDARD_OUTPUT:
        from vitaccel.report.evaluation_tables import evaluation_tables

        show(evaluation_tables(found, losing=flags["losing"]))


def _measure(text: str, flags: dict[str, Any], say: Progress) -> tuple[list[Evaluation], dict[str, np.ndarray]]:
    from vitaccel.arch import load_preset
    from vitaccel.evaluation.attention_logits import record_attention_logits
    from vitaccel.evaluation.evaluate import evaluate_model
    from vitaccel.evaluation.subject import integer_models, load_subject, own_fraction_bits
    from vitaccel.execution import IntegerModel
    from vitaccel.quantization import QuantizationOptions

    subject = load_subject(text, input_shapes=parse_input_shapes(flags["shapes"]), progress=say)
    data = _data(subject, flags)
    calibration = _calibration(subject, flags)
    if subject.quantized and flags["weight_bits"] is not None:
        raise VitaccelError(f"--weight-bits must come with a float model, not with {text}, which is quantized")
    options = QuantizationOptions(weight_bits=flags["weight_bits"] or 8)
    own = f"f{own_fraction_bits(subject.graph) if subject.quantized else 6}-u8"
    modes = softmax_modes(flags["softmax"] or own)
    arch = load_preset("default").with_pe(COMPILED_PE) if flags["compiled"] else load_preset("default")
    engine = _compiled(arch, modes, options.weight_bits, say) if flags["compiled"] else IntegerModel
    pairings = integer_models(
        subject, arch, modes, calibration=calibration, options=options, progress=say, engine=engine
    )
    found: list[Evaluation] = []
    logits: dict[str, np.ndarray] = {}
    for mode, pairing in pairings:
        if flags["record_logits"] is not None and not logits:
            logits = record_attention_logits(pairing.reference, data)
        found.append(
            evaluate_model(
                pairing.reference,
                pairing.model,
                data,
                name=subject.name,
                record=pairing.record,
                calibration=f"{len(calibration)} images: {calibration.name}" if calibration else "",
                progress=lambda done, images, mode=mode: say(f"{mode}, image {done} of {images}"),  # type: ignore[misc]
            )
        )
    return found, logits


def _compiled(arch: Arch, modes: Sequence[str], weight_bits: int, say: Progress) -> Callable[..., IntegerModel]:
    """What makes models in C++, if there is C++ of every mode: that is asked before anything is computed."""
    from vitaccel.compiled_model.model import CompiledModel, check_machine
    from vitaccel.evaluation.subject import machine_of_mode

    for mode in modes:
        check_machine(machine_of_mode(arch, mode, weight_bits))
    return partial(CompiledModel, say=say)


def _data(subject: Subject, flags: dict[str, Any]) -> EvaluationData:
    """The images to evaluate on."""
    from vitaccel.evaluation.data import random_data, read_data
    from vitaccel.evaluation.subject import digits_data

    if flags["seed"] is not None and (flags["data"] is not None or subject.digits):
        raise VitaccelError("--seed must come with random inputs, not with images that are given")
    if flags["data"] is not None:
        data = read_data(subject.graph, flags["data"])
    elif subject.digits:
        data = digits_data(subject, "test")
    else:
        data = random_data(subject.graph, flags["images"] or RANDOM_IMAGES, seed=flags["seed"] or 0)
    return data if flags["images"] is None else data.first(flags["images"])


def _calibration(subject: Subject, flags: dict[str, Any]) -> EvaluationData | None:
    """The images to quantize with; never those to evaluate on."""
    from vitaccel.evaluation.data import random_data, read_data
    from vitaccel.evaluation.subject import digits_data

    if subject.quantized:
        if flags["calibration"] is not None:
            raise VitaccelError(f"--calibration must come with a float model, not with {subject.name}: it has scales")
        return None
    if flags["calibration"] is not None:
        if flags["data"] is None and not subject.digits:
            raise VitaccelError("--calibration must come with --data: random inputs are not what it calibrates for")
        return read_data(subject.graph, flags["calibration"])
    if subject.digits:
        return digits_data(subject, "calibration")
    if flags["data"] is not None:
        raise VitaccelError(
            "--calibration must come with --data: a model quantized with the images it is tried on looks too good"
        )
    return random_data(subject.graph, RANDOM_IMAGES, seed=flags["seed"] or 0, purpose="calibration")


def _write(found: Sequence[Evaluation], logits: dict[str, np.ndarray], outputs: Outputs) -> None:
    """Render everything, then write all the files: a failure leaves none."""
    contents: dict[Path, bytes] = {}
    printed = ""
    if outputs.csv is not None:
        from vitaccel.report.evaluation_csv import evaluation_csv

        contents[outputs.csv] = evaluation_csv(found).encode()
    if outputs.logits is not None:
        if not logits:
            raise VitaccelError("--record-logits must come with a model that has attention")
        packed, named = io.BytesIO(), dict[str, Any](logits)
        np.savez(packed, **named)
        contents[outputs.logits] = packed.getvalue()
    if outputs.json is not None:
        from vitaccel.report.evaluation_record import evaluation_modes, evaluation_record
        from vitaccel.report.json_record import to_json

        printed = to_json(evaluation_record(found[0]) if len(found) == 1 else evaluation_modes(found))
        contents |= dict.fromkeys(json_files(outputs.json), printed.encode())
    write_files(contents)
    for path in contents:
        note(f"wrote {path}")
    if outputs.json == STANDARD_OUTPUT:
        click.echo(printed, nl=False)

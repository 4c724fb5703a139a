"""``vitaccel run``: a model on arrays, in the integers of its Program or in float."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from vitaccel.cli.arrays import feeds, named_file, packed, read_arrays
from vitaccel.cli.files import check_outputs, write_files
from vitaccel.cli.input_shapes import input_shape_option, parse_input_shapes
from vitaccel.cli.json_option import JsonCommand, json_files, json_option, put_json
from vitaccel.cli.machines import machine_options, machines, stated_keys
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.taps import check_tap_target, tap_files
from vitaccel.cli.terminal import Progress, note, progress
from vitaccel.errors import OutputError, VitaccelError
from vitaccel.report.json_record import SCHEMA_VERSION, arch_record
from vitaccel.report.units import shape

if TYPE_CHECKING:
    from vitaccel.arch import Arch
    from vitaccel.execution import IntegerModel, IntegerRun
    from vitaccel.ir.graph import Graph

Arrays = list[tuple[str, np.ndarray]]


@dataclass(frozen=True)
class Ran:
    """What a model made of the arrays.

    Parameters
    ----------
    outputs
        As they are written.
    scales
        What one step of each output is worth; empty in float.
    model, run
        What ran in integers, and what it gave; ``None`` in float.
    engine
        What computed: ``interpreter``, ``compiled`` (the accelerator in C++), or ``float``.
    compile_s, run_s
        Seconds from the imported model to the Program with its image, and from inputs to outputs.
    """

    outputs: tuple[np.ndarray, ...]
    scales: tuple[np.ndarray, ...]
    model: IntegerModel | None
    run: IntegerRun | None
    engine: str
    compile_s: float
    run_s: float


@click.command(cls=JsonCommand)
@click.argument("model", metavar="MODEL.onnx", type=click.Path(path_type=Path))
@click.option(
    "--input",
    "inputs",
    metavar="[NAME=]FILE",
    multiple=True,
    help="Array of an input: .npy, or .npz with one array for each input; may be repeated.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="Where the outputs go: .npy for one output, .npz for any number.",
)
@click.option("--raw", is_flag=True, help="Write the integers of the outputs, not the numbers that they stand for.")
@click.option(
    "--taps",
    type=click.Path(path_type=Path),
    metavar="DIR|FILE.npz",
    help="Write the integers of every tensor that the Program writes, and an index of them.",
)
@click.option(
    "--batch", type=click.IntRange(min=1), metavar="N", help="Images computed side by side; a matter of speed."
)
@click.option(
    "--compiled", is_flag=True, help="Compute with the accelerator in C++: the same integers, faster; needs g++."
)
@click.option("--float", "in_float", is_flag=True, help="Run in float32, as the ONNX file means it without rounding.")
@machine_options
@json_option
@input_shape_option
@debug_option
def run(
    model: Path, in_float: bool, inputs: tuple[str, ...], output: Path, json_path: str | None, **flags: Any
) -> None:
    """Run MODEL.onnx on arrays and write its outputs: a quantized model in integers, to the bit as the machine does."""
    _check_flags(output, flags, in_float=in_float)
    files = [named_file(text) for text in inputs]
    taps: Path | None = flags["taps"]
    archives = [taps] if taps is not None and taps.suffix == ".npz" else []
    check_outputs([output, *archives, *json_files(json_path)], inputs=[model, *(path for _, path in files)])
    arrays = [part for name, path in files for part in read_arrays(path, name)]
    with progress(model.name) as say:
        ran = _in_float(model, arrays, flags, say) if in_float else _in_integers(model, arrays, flags, say)
    contents = {output: packed(output, ran.outputs)}
    if taps is not None and ran.model is not None and ran.run is not None:
        contents |= tap_files(taps, ran.model, ran.run)
        if not archives:
            taps.mkdir(exist_ok=True)
    write_files(contents)
    if json_path is not None:
        put_json(run_record(model.stem, ran), json_path)
    note(f"wrote {output} ({', '.join(_facts(ran, raw=flags['raw']))})")
    if taps is not None:
        note(f"wrote {taps} ({len(ran.run.taps) if ran.run else 0} tensors)")


def run_record(name: str, ran: Ran) -> dict[str, Any]:
    """Return the facts of a run as JSON types."""
    scales = [np.atleast_1d(scale).tolist() for scale in ran.scales] or [None] * len(ran.outputs)
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "measured",
        "model": name,
        "mode": "integer" if ran.model else "float",
        "engine": ran.engine,
        "images": len(ran.outputs[0]),
        "outputs": [
            {"name": f"output{at}", "shape": list(array.shape), "dtype": str(array.dtype), "scale": scale}
            for at, (array, scale) in enumerate(zip(ran.outputs, scales, strict=True))
        ],
        "arch": arch_record(ran.model.arch) if ran.model else None,
        "instructions": len(ran.model.lowered.program.instructions) if ran.model else None,
        "compile_s": ran.compile_s,
        "run_s": ran.run_s,
    }


def _check_flags(output: Path, flags: Mapping[str, Any], *, in_float: bool) -> None:
    if output.suffix not in (".npy", ".npz"):
        raise OutputError(f"output file must end in .npy or .npz, not {output.name!r}")
    of_integers = {"--raw": "raw", "--taps": "taps", "--batch": "batch", "--compiled": "compiled",
                   "--pe": "pe", "--preset": "preset", "--arch": "arch_file", "--set": "settings"}  # fmt: skip
    given = [flag for flag, key in of_integers.items() if flags[key]]
    if in_float and given:
        raise VitaccelError(f"{given[0]} must come without --float: it speaks of a run in integers")
    if flags["compiled"] and flags["batch"]:
        raise VitaccelError("--batch must come without --compiled: images run one after another there")
    if flags["taps"] is not None:
        check_tap_target(flags["taps"])


def _in_float(model: Path, arrays: Arrays, flags: Mapping[str, Any], say: Progress) -> Ran:
    from vitaccel.backends.float_graph import evaluate
    from vitaccel.frontend import import_model

    shapes = parse_input_shapes(flags["shapes"]) or _shapes_of(arrays)
    imported = import_model(model, input_shapes=shapes, progress=say)
    say("run")
    began = time.perf_counter()
    found = tuple(evaluate(imported.graph, feeds(arrays, imported.graph.inputs)))
    return Ran(found, (), None, None, "float", 0.0, time.perf_counter() - began)


def _in_integers(model: Path, arrays: Arrays, flags: Mapping[str, Any], say: Progress) -> Ran:
    where = {key: flags[key] for key in ("pe", "preset", "arch_file", "settings")}
    archs = machines(**where)
    if len(archs) > 1:
        raise VitaccelError(f"--pe must name one machine to run on, not {flags['pe']}")
    from vitaccel.execution import IntegerModel
    from vitaccel.frontend import import_model
    from vitaccel.quantization.runnable import machine_for, runnable

    imported = import_model(model, input_shapes=parse_input_shapes(flags["shapes"]), progress=say)
    began = time.perf_counter()
    say("compile")
    graph = runnable(imported.graph, str(model), own=bool(imported.quantization))
    arch = machine_for(graph, archs[0], said=stated_keys(where["arch_file"], where["settings"]))
    machine = _model(graph, arch, say) if flags["compiled"] else IntegerModel(graph, arch)
    compiled = time.perf_counter()
    fed = feeds(arrays, graph.inputs)
    found = machine.run(
        fed,
        taps=tuple(machine.taps()) if flags["taps"] else (),
        side_by_side=-(-flags["batch"] // machine.batch) if flags["batch"] else 0,
        progress=lambda done, images: say(f"image {done} of {images}"),
    )
    ended = time.perf_counter()
    for change in imported.notes:
        note(f"note: {change}")
    outputs = tuple(integers.astype(np.int16) for integers in found.outputs) if flags["raw"] else found.values
    engine = "compiled" if flags["compiled"] else "interpreter"
    return Ran(outputs, found.scales, machine, found, engine, compiled - began, ended - compiled)


def _model(graph: Graph, arch: Arch, say: Progress) -> IntegerModel:
    from vitaccel.compiled_model.model import CompiledModel

    return CompiledModel(graph, arch, say=say)


def _facts(ran: Ran, *, raw: bool) -> list[str]:
    """Each output in a few words; of integers, what a step is worth."""
    if not raw:
        return [shape(array.shape) for array in ran.outputs]
    steps = [np.unique(scale) for scale in ran.scales]
    return [
        f"{shape(array.shape)} {array.dtype}, a step is {step[0]:g}{f' to {step[-1]:g}' if len(step) > 1 else ''}"
        for array, step in zip(ran.outputs, steps, strict=True)
    ]


def _shapes_of(arrays: Iterable[tuple[str, np.ndarray]]) -> dict[str, tuple[int, ...]] | None:
    return {name: array.shape for name, array in arrays if array.ndim} or None

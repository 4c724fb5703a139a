"""``vitaccel run --float``: a model on arrays, by the float interpreter of its Graph."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import click
import numpy as np

from vitaccel.cli.files import check_outputs, write_bytes
from vitaccel.cli.input_shapes import input_shape_option, parse_input_shapes
from vitaccel.cli.outcome import debug_option
from vitaccel.cli.terminal import note, progress
from vitaccel.errors import ModelError, OutputError, VitaccelError
from vitaccel.report.units import shape


@click.command()
@click.argument("model", metavar="MODEL.onnx", type=click.Path(path_type=Path))
@click.option("--float", "in_float", is_flag=True, help="Run in float32, as the ONNX file means it.")
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
@input_shape_option
@debug_option
def run(model: Path, in_float: bool, inputs: tuple[str, ...], output: Path, shapes: tuple[str, ...]) -> None:
    """Run MODEL.onnx on arrays and write its outputs."""
    if not in_float:
        raise VitaccelError("--float must be given: the float interpreter is the only one yet")
    if output.suffix not in (".npy", ".npz"):
        raise OutputError(f"output file must end in .npy or .npz, not {output.name!r}")
    files = [_named(text) for text in inputs]
    check_outputs([output], inputs=[model, *(path for _, path in files)])
    from vitaccel.backends.float_graph import evaluate
    from vitaccel.frontend import import_model

    arrays = [part for name, path in files for part in read_arrays(path, name)]
    given = parse_input_shapes(shapes) or {}
    with progress(model.name) as say:
        imported = import_model(model, input_shapes=given or _shapes_of(arrays), progress=say)
        say("run")
        found = evaluate(imported.graph, feeds(arrays, imported.graph.inputs))
    write_bytes(output, packed(output, found))
    note(f"wrote {output} ({', '.join(shape(array.shape) for array in found)})")


def read_arrays(path: Path, name: str) -> list[tuple[str, np.ndarray]]:
    """Return the arrays of a ``.npy`` or ``.npz`` file with their input names, ``name`` for a single one.

    Raises
    ------
    ModelError
        If the file cannot be read, or holds something else than arrays.
    """
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return [(name, loaded)]
        with loaded:
            return [(name or key, loaded[key]) for key in loaded.files]
    except OSError as error:
        raise ModelError(f"input file {path} must be readable: {error.strerror or error}") from error
    except (ValueError, EOFError, BadZipFile) as error:
        raise ModelError(f"input file {path} must be a .npy or .npz file of numbers") from error


def feeds(arrays: Iterable[tuple[str, np.ndarray]], names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return arrays by input name; one without a name goes to the only input that has none yet.

    Raises
    ------
    ModelError
        If an input gets two arrays, or an array without a name could go to several inputs.
    """
    fed: dict[str, np.ndarray] = {}
    unnamed = []
    for name, array in arrays:
        if name in fed:
            raise ModelError(f"--input must give input {name!r} once")
        if name:
            fed[name] = array
        else:
            unnamed.append(array)
    free = [name for name in names if name not in fed]
    if len(unnamed) > 1 or (unnamed and len(free) != 1):
        raise ModelError(f"--input must name its input, one of {', '.join(names)}: --input {names[0]}=x.npy")
    return fed | dict(zip(free, unnamed, strict=False))


def packed(output: Path, arrays: Sequence[np.ndarray]) -> bytes:
    """Return the content of the output file: ``.npz`` names its arrays ``output0``, ``output1``, ...

    Raises
    ------
    OutputError
        If several outputs are to go into one ``.npy``.
    """
    content = io.BytesIO()
    if output.suffix == ".npz":
        named: dict[str, Any] = {f"output{at}": array for at, array in enumerate(arrays)}
        np.savez(content, **named)
    elif len(arrays) == 1:
        np.save(content, arrays[0])
    else:
        raise OutputError(f"output file must end in .npz for the {len(arrays)} outputs of this model")
    return content.getvalue()


def _named(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    return (name, Path(path)) if equals and not Path(text).exists() else ("", Path(text))


def _shapes_of(arrays: Iterable[tuple[str, np.ndarray]]) -> dict[str, tuple[int, ...]] | None:
    return {name: array.shape for name, array in arrays if array.ndim} or None

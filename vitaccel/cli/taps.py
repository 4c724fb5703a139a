"""``vitaccel run --taps``: the integers of every tensor that a Program writes, with an index of what they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vitaccel.cli.arrays import archive, npy
from vitaccel.errors import OutputError
from vitaccel.report.json_record import SCHEMA_VERSION

if TYPE_CHECKING:
    from vitaccel.execution import IntegerModel, IntegerRun

INDEX = "index"
"""Name of the index: a text in an archive, ``index.json`` in a folder."""


def check_tap_target(path: Path) -> None:
    """Refuse what is neither a ``.npz`` file nor a folder, there or to be made, before any work is done.

    Raises
    ------
    OutputError
        If it is.
    """
    if path.suffix == ".npz":
        return
    if path.suffix or path.is_file():
        raise OutputError(f"--taps must name a folder or a file that ends in .npz, not {path.name!r}")
    if not path.parent.is_dir():
        raise OutputError(f"directory {path.parent} of folder {path.name} must exist")


def tap_files(path: Path, model: IntegerModel, run: IntegerRun) -> dict[Path, bytes]:
    """Return the files of ``--taps`` with their contents: one archive, or a file for each tensor in a folder.

    Parameters
    ----------
    path
        From ``--taps``, checked by :func:`check_tap_target`.
    model
        What ran.
    run
        With every tap of ``model.taps()``.
    """
    arrays, index = tap_arrays(model, run)
    text = json.dumps(index, indent=1, allow_nan=False)
    if path.suffix == ".npz":
        return {path: archive(arrays | {INDEX: np.array(text)})}
    found = {path / f"{key}.npy": npy(array) for key, array in arrays.items()}
    return found | {path / f"{INDEX}.json": f"{text}\n".encode()}


def tap_arrays(model: IntegerModel, run: IntegerRun) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the tapped integers by ``LABEL.VALUE`` in program order, and what they are as JSON types.

    Each is int8 or int16 ``[images, tokens, channels]``, as it stands in memory but for channels that pad a head;
    chosen experts are int16 ``[images, tokens, k]`` by ``LABEL.experts``, best first.
    """
    from vitaccel.evaluation.values import seen_values

    plan = model.lowered.plan
    arrays: dict[str, np.ndarray] = {}
    tensors: list[dict[str, Any]] = []
    for seen in seen_values(model):
        if seen.value not in run.taps:
            continue
        integers, scale = run.taps[seen.value]
        bits = 8 * plan.tensors[seen.value].element_bytes
        key = f"{seen.name}.{seen.value.lstrip('%')}".replace("/", "_")
        arrays[key] = integers.astype(f"i{bits // 8}")
        tensors.append(
            {"key": key, "value": seen.value, "layer": seen.name, "op": seen.op, "dtype": f"int{bits}",
             "shape": list(arrays[key].shape), "scale": np.atleast_1d(scale).tolist()}
        )  # fmt: skip
    experts = []
    for layer, chosen in run.choices.items():
        key = f"{layer}.experts".replace("/", "_")
        arrays[key] = chosen.astype(np.int16)
        experts.append({"key": key, "layer": layer, "shape": list(chosen.shape)})
    return arrays, {"schema_version": SCHEMA_VERSION, "tensors": tensors, "experts": experts}
